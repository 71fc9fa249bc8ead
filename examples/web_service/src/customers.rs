//! The requests: add a customer with orders, show one, and change one.

mod add;
mod change;
mod show;

use axum::Router;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::extract::{Json, Path, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};

use crate::answer::Answer;
use crate::database::Database;
use crate::failure::Failure;
use add::NewCustomer;
use change::Change;

/// Returns the routes of the service.
pub fn routes(database: Database) -> Router {
    Router::new()
        .route("/customers", post(add))
        .route("/customers/{id}", get(show).patch(change))
        .fallback(async || Failure::not_found())
        .with_state(database)
}

async fn add(
    State(database): State<Database>,
    body: Result<Json<NewCustomer>, JsonRejection>,
) -> Result<Answer, Failure> {
    let Json(new) = body?;
    database.run(move |session| add::add(session, &new)).await
}

async fn show(
    State(database): State<Database>,
    id: Result<Path<i32>, PathRejection>,
) -> Result<Answer, Failure> {
    let Path(id) = id?;
    database.run(move |session| show::show(session, id)).await
}

async fn change(
    State(database): State<Database>,
    id: Result<Path<i32>, PathRejection>,
    headers: HeaderMap,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<Answer, Failure> {
    let (Path(id), seen) = (id?, change::seen_version(&headers)?);
    let Json(change) = body?;
    database.run(move |session| change::change(session, id, seen, &change)).await
}
