// Models, printed by onetrip-models. They are yours to change; `verify` at the end says where
// they and a database differ.
//
// In Cargo.toml:
//
//     onetrip = { version = "0.1", features = ["with-serde_json-1", "with-time-0_3", "with-uuid-1"] }
//     postgres = "0.19"
//     serde_json = "1"
//     time = "0.3"
//     uuid = "1"

use onetrip::{ForeignKey, Model, Verify};

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "categories")]
pub struct Categories {
    #[model(key)]
    pub category_id: i16,
    #[model(unique)]
    pub category_name: String,
    pub description: Option<String>,
    pub picture: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "customer_customer_demo")]
pub struct CustomerCustomerDemo {
    #[model(key)]
    pub customer_id: ForeignKey<Customers>,
    #[model(key)]
    pub customer_type_id: ForeignKey<CustomerDemographics>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "customer_demographics")]
pub struct CustomerDemographics {
    #[model(key)]
    pub customer_type_id: String,
    pub customer_desc: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "customers")]
pub struct Customers {
    #[model(key)]
    pub customer_id: String,
    pub company_name: String,
    pub phone: Option<String>,
    // The default '{}'::jsonb is not used.
    pub details: serde_json::Value,
    // As text: xml.
    #[model(sql_type = "xml")]
    pub document: Option<String>,
    // As text: json.
    #[model(sql_type = "json")]
    pub notes: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "employee_territories")]
pub struct EmployeeTerritories {
    #[model(key)]
    pub employee_id: ForeignKey<Employees>,
    #[model(key)]
    pub territory_id: ForeignKey<Territories>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "employees")]
pub struct Employees {
    #[model(key)]
    pub employee_id: i16,
    pub last_name: String,
    pub birth_date: Option<time::Date>,
    pub reports_to: Option<ForeignKey<Employees>>,
    pub photo: Option<Vec<u8>>,
    // As text: interval.
    #[model(sql_type = "interval")]
    pub hours: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "order_details")]
pub struct OrderDetails {
    #[model(key)]
    pub order_id: ForeignKey<Orders>,
    #[model(key)]
    pub product_id: ForeignKey<Products>,
    pub unit_price: f32,
    pub quantity: i16,
    pub discount: f32,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "orders")]
pub struct Orders {
    #[model(key)]
    pub order_id: i16,
    pub customer_id: Option<ForeignKey<Customers>>,
    pub employee_id: Option<ForeignKey<Employees>>,
    pub order_date: Option<time::Date>,
    pub ship_via: Option<ForeignKey<Shippers>>,
    pub freight: Option<f32>,
    #[model(default)]
    pub placed: Option<time::OffsetDateTime>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "products")]
pub struct Products {
    #[model(key)]
    pub product_id: i16,
    pub product_name: String,
    pub supplier_id: Option<ForeignKey<Suppliers>>,
    pub category_id: Option<ForeignKey<Categories>>,
    // The default 0 is not used, and `None` is NULL.
    pub unit_price: Option<f32>,
    // The default 0 is not used.
    pub units_in_stock: i16,
    pub discontinued: i32,
    // The default '{}'::text[] is not used.
    pub tags: Vec<String>,
}

// products_by_category is a view without a key. The database does not know what is unique in it.
// To have a model of it, mark the fields that are its key:
//
// #[derive(Debug, Clone, PartialEq, Model)]
// #[model(table = "products_by_category")]
// pub struct ProductsByCategory {
//     pub category_name: Option<String>,
//     pub product_name: Option<String>,
// }

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "region")]
pub struct Region {
    #[model(key)]
    pub region_id: i16,
    pub region_description: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "return_steps")]
pub struct ReturnSteps {
    #[model(key)]
    pub return_id: ForeignKey<Returns>,
    #[model(key)]
    pub step: i32,
    // The default '12:00:00'::time without time zone is not used.
    pub at: time::Time,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "returns")]
pub struct Returns {
    #[model(key, default = "gen_random_uuid()")]
    pub return_id: Option<uuid::Uuid>,
    pub why: Option<String>,
    // As text: money.
    #[model(sql_type = "money")]
    pub refund: Option<String>,
    #[model(column("order_id", "product_id"))]
    pub order_details: ForeignKey<OrderDetails>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "shippers")]
pub struct Shippers {
    #[model(key)]
    pub shipper_id: i16,
    pub company_name: String,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "suppliers")]
pub struct Suppliers {
    #[model(key)]
    pub supplier_id: i16,
    pub company_name: String,
    pub homepage: Option<String>,
    pub address: Option<std::net::IpAddr>,
    // As text: point.
    #[model(sql_type = "point")]
    pub located: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "territories")]
pub struct Territories {
    #[model(key)]
    pub territory_id: String,
    pub description: String,
    pub region_id: ForeignKey<Region>,
}

#[derive(Debug, Clone, PartialEq, Model)]
#[model(table = "us_states")]
pub struct UsStates {
    #[model(key)]
    pub state_abbr: String,
    pub state_id: i16,
    pub state_name: Option<String>,
}

/// Returns the comparison of all these models with a database.
pub fn verify() -> Verify {
    Verify::new()
        .model::<Categories>()
        .model::<CustomerCustomerDemo>()
        .model::<CustomerDemographics>()
        .model::<Customers>()
        .model::<EmployeeTerritories>()
        .model::<Employees>()
        .model::<OrderDetails>()
        .model::<Orders>()
        .model::<Products>()
        .model::<Region>()
        .model::<ReturnSteps>()
        .model::<Returns>()
        .model::<Shippers>()
        .model::<Suppliers>()
        .model::<Territories>()
        .model::<UsStates>()
}
