//! `PATCH /customers/{id}`: changes a customer, if nobody else has changed the customer meanwhile. It takes
//! two round trips.

use axum::http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use crate::answer::Answer;
use crate::failure::Failure;
use crate::models::Customer;
use crate::session::Session;

/// What is to be changed.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    email: Option<String>,
    name: Option<String>,
}

/// Returns the version that the caller has seen: `If-Match: "3"`.
pub(super) fn seen_version(headers: &HeaderMap) -> Result<i32, Failure> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Err(Failure::no_version()) };
    let number = value.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
    let version = number.and_then(|number| number.parse().ok());
    version.ok_or_else(|| Failure::bad_request("If-Match is to be a version, such as \"3\""))
}

/// Changes the customer, if this is still the version.
pub(super) fn change(
    session: &mut Session,
    id: i32,
    seen: i32,
    change: &Change,
) -> Result<Answer, Failure> {
    session.retry(|uow| {
        let Some(customer) = uow.find::<Customer>(id)? else { return Err(Failure::not_found()) };
        if uow[customer].version != seen {
            return Err(Failure::stale());
        }
        if let Some(email) = &change.email {
            uow[customer].email.clone_from(email);
        }
        if let Some(name) = &change.name {
            uow[customer].name.clone_from(name);
        }
        // Where somebody has been faster since `find`, this finds it out. `retry` does the work again then,
        // and the new attempt comes upon another version.
        let report = uow.commit()?;
        let customer = &uow[customer];
        Ok(Answer {
            status: StatusCode::OK,
            body: json!(customer),
            location: None,
            version: customer.version,
            round_trips: 1 + report.round_trips(),
        })
    })
}
