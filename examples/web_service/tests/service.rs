//! The service, called over HTTP, against a real server.

#[path = "service/failures.rs"]
mod failures;
#[path = "service/life.rs"]
mod life;
#[path = "service/requests.rs"]
mod requests;
#[path = "service/statuses.rs"]
mod statuses;
mod support;
