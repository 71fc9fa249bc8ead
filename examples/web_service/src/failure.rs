//! What an error is for the caller of the service: a status code, and a body that says more.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use onetrip::ErrorKind;
use postgres::error::SqlState;
use serde::Serialize;

/// A request that was not done.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    problem: Problem,
    /// The session cannot be used any more.
    loses_session: bool,
}

/// The body of the answer.
#[derive(Serialize, Debug)]
struct Problem {
    /// A word for programs.
    error: &'static str,
    /// A sentence for people.
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    table: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    constraint: Option<String>,
}

impl Failure {
    fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Failure {
        let problem =
            Problem { error, message: message.into(), table: None, column: None, constraint: None };
        Failure { status, problem, loses_session: false }
    }

    /// There is nothing under this address.
    #[must_use]
    pub fn not_found() -> Failure {
        Failure::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here")
    }

    /// The request does not say which version it changes.
    #[must_use]
    pub fn no_version() -> Failure {
        let message = "say which version is changed: If-Match: \"VERSION\"";
        Failure::new(StatusCode::PRECONDITION_REQUIRED, "no_version", message)
    }

    /// Somebody else has changed what the request wants to change.
    #[must_use]
    pub fn stale() -> Failure {
        let message = "somebody else has changed it: read it again, and decide again";
        Failure::new(StatusCode::PRECONDITION_FAILED, "stale", message)
    }

    /// The request does not make sense.
    #[must_use]
    pub fn bad_request(message: impl Into<String>) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, "bad_request", message)
    }

    /// The pool had no session in time.
    #[must_use]
    pub fn no_session(error: &r2d2::Error) -> Failure {
        eprintln!("no session: {error}");
        Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "the database is busy; nothing was done",
        )
    }

    /// Something is wrong with the service.
    #[must_use]
    pub fn internal() -> Failure {
        let message = "the service has failed";
        Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }

    /// Returns the status code of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns `true` if the session that has met it is to be replaced.
    #[must_use]
    pub fn loses_session(&self) -> bool {
        self.loses_session
    }
}

/// The status code of an error of the server.
fn of_sqlstate(code: &SqlState) -> (StatusCode, &'static str, &'static str) {
    let conflict = StatusCode::CONFLICT;
    let busy = StatusCode::SERVICE_UNAVAILABLE;
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    match code.code() {
        "23505" => (conflict, "taken", "somebody has this already"),
        "23P01" => (conflict, "overlaps", "it overlaps with what is there already"),
        "23503" => (refused, "missing", "it refers to something that is not there"),
        "23502" => (refused, "null", "a value is missing"),
        "23514" => (refused, "check", "a value is not allowed"),
        "22001" => (refused, "too_long", "a text is too long"),
        // `Retry` has tried it again, and others were faster each time.
        "40001" | "40P01" => (busy, "conflict", "others were faster; nothing was done"),
        "55P03" => (busy, "locked", "others have locked it; nothing was done"),
        "57014" => (busy, "too_slow", "the statement took too long; nothing was done"),
        // Other values that their columns do not take.
        code if code.starts_with("22") => (refused, "value", "a value is not allowed"),
        // The server is out of something: connections, memory, room on the disk.
        code if code.starts_with("53") => (busy, "busy", "the database is busy; nothing was done"),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "the service has failed"),
    }
}

impl From<onetrip::Error> for Failure {
    fn from(error: onetrip::Error) -> Failure {
        let mut failure = match (error.kind(), error.sqlstate()) {
            (ErrorKind::Database, Some(code)) => {
                let (status, word, message) = of_sqlstate(code);
                Failure::new(status, word, message)
            }
            (ErrorKind::Stale, _) => Failure::stale(),
            // A text with a NUL character, for example.
            (ErrorKind::Encode, _) => {
                let message = "a value cannot be stored";
                Failure::new(StatusCode::UNPROCESSABLE_ENTITY, "value", message)
            }
            (ErrorKind::Connection, _) => {
                let message = "the database is not there; nothing was done";
                Failure::new(StatusCode::SERVICE_UNAVAILABLE, "no_database", message)
            }
            (ErrorKind::UnknownOutcome, _) => {
                let message = "the connection to the database was lost while this was being stored: \
                               it may be stored, or not. Look before you send it again";
                Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "unknown_outcome", message)
            }
            _ => Failure::internal(),
        };
        failure.loses_session =
            matches!(error.kind(), ErrorKind::Connection | ErrorKind::UnknownOutcome);
        if failure.status.is_server_error() {
            // This is for those who run the service.
            eprintln!("{}: {error}", failure.status);
        } else {
            failure.problem.table = error.table().map(str::to_owned);
            failure.problem.column = error.column().map(str::to_owned);
            failure.problem.constraint = error.constraint().map(str::to_owned);
        }
        failure
    }
}

impl From<JsonRejection> for Failure {
    fn from(rejection: JsonRejection) -> Failure {
        Failure::new(rejection.status(), "body", rejection.body_text())
    }
}

impl From<PathRejection> for Failure {
    fn from(_: PathRejection) -> Failure {
        Failure::not_found()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.problem)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
