//! The gateway's choice of cryptography with the feature `pq`, and handshakes by it: with a client that agrees on keys in the
//! hybrid way, and with one that cannot.

#[cfg(test)]
#[path = "../../../src/http/tls_provider.rs"]
mod tls_provider;

#[cfg(test)]
mod tests {
    use super::tls_provider::provider;
    use rustls::crypto::{CryptoProvider, SupportedKxGroup};
    use rustls::pki_types::{PrivateKeyDer, ServerName};
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
    use std::sync::Arc;

    /// The name of what both agreed on keys by.
    fn agreed_by(groups: Vec<&'static dyn SupportedKxGroup>) -> String {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der().clone()).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let server = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let client = CryptoProvider { kx_groups: groups, ..rustls::crypto::ring::default_provider() };
        let client = ClientConfig::builder_with_provider(Arc::new(client))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut server = ServerConnection::new(Arc::new(server)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name).unwrap();
        while client.is_handshaking() || server.is_handshaking() {
            let (mut sent, mut answered) = (Vec::new(), Vec::new());
            client.write_tls(&mut sent).unwrap();
            server.read_tls(&mut sent.as_slice()).unwrap();
            server.process_new_packets().unwrap();
            server.write_tls(&mut answered).unwrap();
            client.read_tls(&mut answered.as_slice()).unwrap();
            client.process_new_packets().unwrap();
        }
        let both = [client.negotiated_key_exchange_group(), server.negotiated_key_exchange_group()];
        let [own, theirs] = both.map(|group| format!("{:?}", group.unwrap().name()));
        assert_eq!(own, theirs);
        own
    }

    #[test]
    fn whoever_can_agrees_on_keys_post_quantum_and_others_as_before() {
        let hybrid = rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768;
        let usual = rustls::crypto::ring::kx_group::X25519;
        assert_eq!(agreed_by(provider().kx_groups), "X25519MLKEM768");
        assert_eq!(agreed_by(vec![hybrid]), "X25519MLKEM768");
        assert_eq!(agreed_by(vec![usual]), "X25519");
        assert_eq!(agreed_by(vec![rustls::crypto::ring::kx_group::SECP384R1]), "secp384r1");
    }
}
