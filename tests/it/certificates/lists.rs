//! Revocation lists and certificates that change under a running gateway.

use super::gateway::{Gateway, Outcome, ask, connect_from, right, server_pair, tls};
use super::making::{Authority, Client, HOUR, list, root};
use super::vectors::SOON;
use crate::support::wire::until;
use crate::support::{Suite, TestDb};
use rustls::version::TLS13;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both("certificates::a_new_list_shuts_out_whom_it_names_and_nobody_else", revoked_while_open);
    suite.both("certificates::without_a_list_of_now_nobody_new_is_let_in", closed);
    suite.both("certificates::a_list_that_cannot_be_gone_by_changes_nothing", bad_lists);
    suite.both("certificates::an_authority_taken_out_is_shut_out_though_no_list_can_be_read", taken_out);
    suite.both("certificates::the_gateways_own_certificate_is_followed", server_followed);
    suite.both("certificates::nothing_is_served_with_weak_or_stale_files", not_served);
}

fn let_in() -> Outcome {
    Outcome::Answered(401, "no_token".into())
}

fn current(issuer: &Authority, revoked: &[&Client]) -> String {
    let serials: Vec<Vec<u8>> = revoked.iter().map(|client| client.serial()).collect();
    list(issuer, &serials, -HOUR, 24 * HOUR)
}

async fn revoked_while_open(test: TestDb) {
    let authority = root("root");
    let (good, stays) = (Client::of(&authority, |_| ()), Client::of(&authority, |_| ()));
    let gate = Gateway::start(&test.url, &authority.pem(), Some(&current(&authority, &[])), |_| ()).await;
    let mut system = right(&good);
    system.certificates.push(super::gateway::entry(&stays));
    gate.register(vec![system]).await;
    let open = async |client: &Client, network| {
        connect_from(gate.running.api, network, tls(gate.roots(), Some(client), &TLS13)).await.unwrap()
    };
    let (mut shut, mut kept) = (open(&good, 1).await, open(&stays, 2).await);
    assert!(ask(&mut shut).await.is_some() && ask(&mut kept).await.is_some());
    gate.write("lists.pem", &list(&authority, &[good.serial()], -60, 24 * HOUR));
    until("the open connection ends", SOON, async || !gate.refusals("127.0.1.0/24").await.is_empty()).await;
    let told = gate.refusals("127.0.1.0/24").await.remove(0);
    assert_eq!(told.reason.as_deref(), Some("revoked"));
    assert_eq!(told.connection.unwrap().system.as_deref(), Some("cases"), "the entry says whose it was");
    assert_eq!(ask(&mut shut).await, None);
    assert!(ask(&mut kept).await.is_some(), "another's connection goes on");
    assert_eq!(gate.outcome(3, Some(&good), &TLS13).await, Outcome::Refused("revoked".into()));
    // Taken back by a newer list: let in again.
    gate.write("lists.pem", &list(&authority, &[], -30, 24 * HOUR));
    until("let in again", SOON, async || gate.outcome(4, Some(&good), &TLS13).await == let_in()).await;
    assert!(ask(&mut kept).await.is_some());
    gate.stop().await;
}

/// Whom the lists name does not wait for them: an authority that is taken out vouches for nobody at once.
async fn taken_out(test: TestDb) {
    let (stays, goes) = (root("stays"), root("goes"));
    let (kept, shut) = (Client::of(&stays, |_| ()), Client::of(&goes, |_| ()));
    let lists = current(&stays, &[]) + &current(&goes, &[]);
    let both = stays.pem() + &goes.pem();
    let gate = Gateway::start(&test.url, &both, Some(&lists), |_| ()).await;
    let mut system = right(&kept);
    system.certificates.push(super::gateway::entry(&shut));
    gate.register(vec![system]).await;
    let open = async |client: &Client, network| {
        connect_from(gate.running.api, network, tls(gate.roots(), Some(client), &TLS13)).await.unwrap()
    };
    let (mut of_stays, mut of_goes) = (open(&kept, 1).await, open(&shut, 2).await);
    assert!(ask(&mut of_stays).await.is_some() && ask(&mut of_goes).await.is_some());
    gate.write("lists.pem", "half a li");
    gate.write("client-authorities.pem", &stays.pem());
    until("the open connection ends", SOON, async || !gate.refusals("127.0.2.0/24").await.is_empty()).await;
    assert_eq!(gate.refusals("127.0.2.0/24").await.remove(0).reason.as_deref(), Some("unknown_authority"));
    assert_eq!(ask(&mut of_goes).await, None);
    assert!(ask(&mut of_stays).await.is_some(), "the other authority's goes on");
    gate.write("lists.pem", &lists);
    let unknown = Outcome::Refused("unknown_authority".into());
    until("still", SOON, async || gate.outcome(3, Some(&shut), &TLS13).await == unknown).await;
    assert_eq!(gate.outcome(4, Some(&kept), &TLS13).await, let_in());
    gate.stop().await;
}

async fn closed(test: TestDb) {
    let authority = root("root");
    let good = Client::of(&authority, |_| ());
    let lists = current(&authority, &[]);
    let gate = Gateway::start(&test.url, &authority.pem(), Some(&lists), |_| ()).await;
    gate.register(vec![right(&good)]).await;
    let ready = async || gate.admin("/readyz").await.0;
    assert_eq!((ready().await, gate.outcome(1, Some(&good), &TLS13).await), (200, let_in()));
    let mut open = connect_from(gate.running.api, 2, tls(gate.roots(), Some(&good), &TLS13)).await.unwrap();
    assert!(ask(&mut open).await.is_some());
    // Due two seconds from now: nobody is let in once it is past that, and who is in is answered.
    gate.write("lists.pem", &list(&authority, &[], -60, 2));
    until("not ready", SOON, async || ready().await == 503).await;
    let stale = Outcome::Refused("revocation_list_stale".into());
    assert_eq!(gate.outcome(3, Some(&good), &TLS13).await, stale);
    assert!(ask(&mut open).await.is_some(), "a connection that is open goes on");
    gate.write("lists.pem", &list(&authority, &[], -50, 24 * HOUR));
    until("ready again", SOON, async || ready().await == 200).await;
    assert_eq!(gate.outcome(4, Some(&good), &TLS13).await, let_in());
    // Gone, or not to be read, for longer than it takes to write a file.
    gate.write("lists.pem", "half a li");
    until("not ready", SOON * 2, async || ready().await == 503).await;
    let unusable = Outcome::Refused("revocation_lists_unusable".into());
    assert_eq!(gate.outcome(5, Some(&good), &TLS13).await, unusable);
    let (_, metrics) = gate.admin("/metrics").await;
    for alarm in ["revocation_list_stale", "certificates_not_read"] {
        assert!(metrics.contains(&format!("alarms_total{{reason=\"{alarm}\"}}")), "{metrics}");
    }
    for number in ["server_certificate_expires", "revocation_list_age", "revocation_list_expires"] {
        assert!(metrics.contains(&format!("schoolgate_{number}_seconds ")), "{metrics}");
    }
    gate.write("lists.pem", &list(&authority, &[], -40, 24 * HOUR));
    until("ready again", SOON, async || ready().await == 200).await;
    gate.stop().await;
}

async fn bad_lists(test: TestDb) {
    let (authority, namesake) = (root("root"), root("root"));
    let (good, revoked) = (Client::of(&authority, |_| ()), Client::of(&authority, |_| ()));
    let lists = list(&authority, &[revoked.serial()], -60, 24 * HOUR);
    let gate = Gateway::start(&test.url, &authority.pem(), Some(&lists), |_| ()).await;
    gate.register(vec![right(&good)]).await;
    let forged = list(&namesake, &[], -30, 24 * HOUR);
    let older = list(&authority, &[], -2 * HOUR, 24 * HOUR);
    let to_come = list(&authority, &[], HOUR, 24 * HOUR);
    for (network, (what, text)) in (10..).step_by(10).zip([
        ("another's signature", forged),
        ("older than the one in force", older),
        ("of a time to come", to_come),
        ("a certificate", authority.pem()),
    ]) {
        gate.write("lists.pem", &text);
        assert!(!gate.running.renew_certificates(), "{what}");
        assert_eq!(
            gate.outcome(network, Some(&revoked), &TLS13).await,
            Outcome::Refused("revoked".into()),
            "{what}"
        );
        gate.write("lists.pem", &lists);
        assert!(gate.running.renew_certificates(), "{what}");
        assert_eq!(gate.outcome(network + 1, Some(&good), &TLS13).await, let_in(), "{what}");
    }
    gate.stop().await;
}

async fn server_followed(test: TestDb) {
    let authority = root("root");
    let good = Client::of(&authority, |_| ());
    let gate = Gateway::start(&test.url, &authority.pem(), None, |_| ()).await;
    gate.register(vec![right(&good)]).await;
    let mut open = connect_from(gate.running.api, 1, tls(gate.roots(), Some(&good), &TLS13)).await.unwrap();
    let shown = async |network| {
        let config = tls(gate.roots(), Some(&good), &TLS13);
        let stream = connect_from(gate.running.api, network, config).await?;
        Some(stream.get_ref().1.peer_certificates()?.first()?.to_vec())
    };
    let first = shown(2).await.unwrap();
    // The certificate without its key: nothing changes, and the operator is told.
    let (certificate, key) = server_pair(gate.server_authority());
    gate.write("server.pem", &certificate);
    let alarmed = async || gate.admin("/metrics").await.1.contains("reason=\"certificates_not_read\"");
    until("an alarm", SOON, alarmed).await;
    assert_eq!(shown(3).await.unwrap(), first);
    gate.write("server.key", &key);
    until("the new certificate", SOON, async || shown(4).await.is_some_and(|der| der != first)).await;
    assert!(ask(&mut open).await.is_some(), "a connection that is open goes on");
    // Another authority in the place of the first: who came by that one goes.
    let second = root("second");
    gate.write("client-authorities.pem", "no authority");
    assert!(!gate.running.renew_certificates());
    assert_eq!(gate.outcome(5, Some(&good), &TLS13).await, let_in());
    gate.write("client-authorities.pem", &second.pem());
    until("the connection ends", SOON, async || !gate.refusals("127.0.1.0/24").await.is_empty()).await;
    assert_eq!(ask(&mut open).await, None);
    let unknown = Outcome::Refused("unknown_authority".into());
    assert_eq!(gate.outcome(6, Some(&good), &TLS13).await, unknown);
    gate.stop().await;
}

/// What would let nobody in, or anybody, is not started with.
async fn not_served(test: TestDb) {
    let gate = Gateway::start(&test.url, &root("root").pem(), None, |_| ()).await;
    let config = |change: &dyn Fn(&mut schoolgate::config::Config)| {
        let mut config =
            schoolgate::config::Config::load(&gate.folder.path().join("schoolgate.toml")).unwrap();
        change(&mut config);
        let clock = schoolgate::clock::Clock::machine();
        schoolgate::app::read_certificates(&config, &clock)
            .map(|read| read.is_open())
            .map_err(|e| e.to_string())
    };
    let authority = root("root");
    let certs = |name: &str| gate.folder.path().join("certs").join(name);
    assert_eq!(config(&|_| ()), Ok(true));
    let weak = {
        let client = super::making::client_with_key(&authority, &super::making::Rsa::of(1024, &[1, 0, 1]));
        super::making::pem("CERTIFICATE", &client.chain[0])
    };
    for (name, text, says) in [
        ("client-authorities.pem", weak, "is not an authority's"),
        ("client-authorities.pem", Client::of(&authority, |_| ()).pem().0, "is not an authority's"),
        ("client-authorities.pem", String::new(), "no certificates in PEM"),
        ("server.pem", "none".to_owned(), "no certificates in PEM"),
        ("server.key", "none".to_owned(), "no private key"),
    ] {
        let before = std::fs::read_to_string(certs(name)).unwrap();
        gate.write(name, &text);
        let told = config(&|_| ()).unwrap_err();
        assert!(told.contains(says) && told.contains(name), "{told}");
        gate.write(name, &before);
    }
    gate.write("client-authorities.pem", &authority.pem());
    gate.write("lists.pem", &list(&authority, &[], -48 * HOUR, 24 * HOUR));
    let listed = |hours: u32| {
        let path = certs("lists.pem");
        config(&move |config| {
            config.files.revocation_lists = vec![path.clone()];
            config.limits.revocation_list_hours = hours;
        })
    };
    assert_eq!((listed(168), listed(49), listed(47)), (Ok(true), Ok(true), Ok(false)), "its age counts too");
    gate.stop().await;
}
