//! TLS by native-tls. The chapter on connecting shows this.

use std::error::Error;
use std::fs;
use std::path::Path;

use native_tls::{Certificate, TlsConnector};
use postgres::Client;
use postgres_native_tls::MakeTlsConnector;

pub(crate) fn connect(url: &str, root: &Path) -> Result<Client, Box<dyn Error + Send + Sync>> {
    let root = Certificate::from_pem(&fs::read(root)?)?;
    let connector = TlsConnector::builder()
        .disable_built_in_roots(true) // trust this root, and no others
        .add_root_certificate(root)
        .build()?;
    Ok(Client::connect(url, MakeTlsConnector::new(connector))?)
}
