//! TLS by rustls. The chapter on connecting shows this.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use postgres::Client;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

pub(crate) fn connect(url: &str, root: &Path) -> Result<Client, Box<dyn Error + Send + Sync>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(root)?)?;
    let provider = rustls::crypto::ring::default_provider();
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Client::connect(url, MakeRustlsConnect::new(config))?)
}
