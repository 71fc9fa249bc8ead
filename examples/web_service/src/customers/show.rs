//! `GET /customers/{id}`: a customer with all orders, lines and products, in one round trip.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::failure::Failure;
use crate::models::{Customer, Line, Order, Product};
use crate::session::Session;

/// Loads the customer, and what belongs to the customer.
pub(super) fn show(session: &mut Session, id: i32) -> Result<Answer, Failure> {
    let mut uow = session.unit_of_work();
    let query = uow.query::<Customer>("id = $1").bind(id).with(|customer| {
        customer.children::<Order>().with(|order| {
            order.children::<Line>().with(|line| {
                line.parent::<Product>();
            });
        });
    });
    let round_trips = query.plan()?.round_trips() as u64;
    let graph = query.load()?;
    let Some(customer) = graph.roots().next() else { return Err(Failure::not_found()) };

    let mut orders: Vec<Value> = Vec::new();
    for order in graph.children::<Order>(customer)? {
        let mut lines: Vec<Value> = Vec::new();
        for line in graph.children::<Line>(order)? {
            let product = graph.parent::<Product>(line)?.map(|product| &uow[product]);
            let line = &uow[line];
            lines.push(json!({ "id": line.id, "product": product, "quantity": line.quantity }));
        }
        orders.push(json!({ "id": uow[order].id, "lines": lines }));
    }
    let Customer { id, email, name, version } = &uow[customer];
    Ok(Answer {
        status: StatusCode::OK,
        body: json!({ "id": id, "email": email, "name": name, "version": version, "orders": orders }),
        location: None,
        version: *version,
        round_trips,
    })
}
