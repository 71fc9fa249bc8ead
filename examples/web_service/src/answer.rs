//! The answer to a request that was done.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// A customer as JSON, and what the headers say of it.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: StatusCode,
    /// The customer.
    pub body: Value,
    /// Where a new customer is.
    pub location: Option<String>,
    /// The version of the customer.
    pub version: i32,
    /// The round trips to the database that the request took.
    pub round_trips: u64,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let headers = [
            (header::ETAG.as_str(), format!("\"{}\"", self.version)),
            ("x-round-trips", self.round_trips.to_string()),
        ];
        let location = self.location.map(|location| [(header::LOCATION, location)]);
        match location {
            Some(location) => (self.status, headers, location, Json(self.body)).into_response(),
            None => (self.status, headers, Json(self.body)).into_response(),
        }
    }
}
