//! Each class of errors has its status code.

use axum::http::StatusCode;
use onetrip::UnitOfWork;
use onetrip_web_service::failure::Failure;

use crate::support::tables;

#[test]
fn an_error_of_the_server_has_the_status_of_its_code() {
    let schema = tables("statuses");
    let mut client = schema.client();
    for (code, status) in [
        ("23505", StatusCode::CONFLICT),
        ("23P01", StatusCode::CONFLICT),
        ("23503", StatusCode::UNPROCESSABLE_ENTITY),
        ("23502", StatusCode::UNPROCESSABLE_ENTITY),
        ("23514", StatusCode::UNPROCESSABLE_ENTITY),
        ("22001", StatusCode::UNPROCESSABLE_ENTITY),
        ("22003", StatusCode::UNPROCESSABLE_ENTITY),
        ("40001", StatusCode::SERVICE_UNAVAILABLE),
        ("40P01", StatusCode::SERVICE_UNAVAILABLE),
        ("55P03", StatusCode::SERVICE_UNAVAILABLE),
        ("57014", StatusCode::SERVICE_UNAVAILABLE),
        ("53100", StatusCode::SERVICE_UNAVAILABLE),
        ("42P01", StatusCode::INTERNAL_SERVER_ERROR),
    ] {
        let mut uow = UnitOfWork::new(&mut client);
        let sql = format!("DO $$ BEGIN RAISE 'no' USING ERRCODE = '{code}'; END $$");
        let error = uow.sql(sql).execute().expect_err("it raises");
        assert_eq!(error.sqlstate().map(|code| code.code()), Some(code));
        let failure = Failure::from(error);
        assert_eq!(failure.status(), status, "{code}");
        assert!(!failure.loses_session(), "{code}");
    }
}
