//! `POST /customers`: a customer with all orders and lines, in one round trip.

use axum::http::StatusCode;
use onetrip::ForeignKey;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::models::{Customer, Line, Order, Product};
use crate::session::Session;

/// A customer that is to be added.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCustomer {
    email: String,
    name: String,
    #[serde(default)]
    orders: Vec<NewOrder>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct NewOrder {
    lines: Vec<NewLine>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct NewLine {
    /// In JSON, a reference is the key.
    product_id: ForeignKey<Product>,
    quantity: i32,
}

/// Adds the customer, the orders and the lines.
pub(super) fn add(session: &mut Session, new: &NewCustomer) -> Result<Answer, Failure> {
    session.retry(|uow| {
        let customer = uow.add(Customer {
            id: None,
            email: new.email.clone(),
            name: new.name.clone(),
            version: 1,
        });
        let mut orders = Vec::new();
        for NewOrder { lines } in &new.orders {
            let order = uow.add(Order { id: None, customer_id: customer.into() });
            let add_line = |line: &NewLine| {
                uow.add(Line {
                    id: None,
                    order_id: order.into(),
                    product_id: line.product_id,
                    quantity: line.quantity,
                })
            };
            orders.push((order, lines.iter().map(add_line).collect::<Vec<_>>()));
        }
        let report = uow.commit()?;

        // All entities have their keys now.
        let orders: Vec<Value> = orders
            .into_iter()
            .map(|(order, lines)| {
                let lines: Vec<&Line> = lines.into_iter().map(|line| &uow[line]).collect();
                json!({ "id": uow[order].id, "lines": lines })
            })
            .collect();
        let customer = &uow[customer];
        let Some(id) = customer.id else { return Err(Failure::internal()) };
        let body = json!({
            "id": id, "email": customer.email, "name": customer.name, "version": customer.version,
            "orders": orders,
        });
        Ok(Answer {
            status: StatusCode::CREATED,
            body,
            location: Some(format!("/customers/{id}")),
            version: customer.version,
            round_trips: report.round_trips(),
        })
    })
}
