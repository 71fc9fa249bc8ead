//! The tables. They go out as JSON as they are.

use onetrip::{ForeignKey, Model};
use serde::Serialize;

/// A customer.
#[derive(Model, Serialize, Clone, Debug)]
#[model(table = "customers")]
pub struct Customer {
    /// The number that the database gives.
    #[model(key)]
    pub id: Option<i32>,
    /// The address, which nobody else has.
    pub email: String,
    /// The name.
    pub name: String,
    /// Counts the changes. It is the `ETag` of the customer.
    #[model(version)]
    pub version: i32,
}

/// Something that is sold.
#[derive(Model, Serialize, Clone, Debug)]
#[model(table = "products")]
pub struct Product {
    /// The number of the product.
    #[model(key)]
    pub id: i32,
    /// The name.
    pub name: String,
}

/// An order of a customer.
#[derive(Model, Serialize, Clone, Debug)]
#[model(table = "orders")]
pub struct Order {
    /// The number that the database gives.
    #[model(key)]
    pub id: Option<i32>,
    /// Whose order it is.
    #[serde(skip)]
    pub customer_id: ForeignKey<Customer>,
}

/// A line of an order.
#[derive(Model, Serialize, Clone, Debug)]
#[model(table = "lines")]
pub struct Line {
    /// The number that the database gives.
    #[model(key)]
    pub id: Option<i32>,
    /// The order that it is a line of.
    #[serde(skip)]
    pub order_id: ForeignKey<Order>,
    /// What is ordered.
    pub product_id: ForeignKey<Product>,
    /// How many.
    pub quantity: i32,
}
