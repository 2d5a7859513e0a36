//! Every way in which a certificate can be wrong, each with what its holder meets and the word that is recorded: rules of
//! RFC 5280 as `x509-limbo` collects them, as far as they speak of clients, and those of certs/profile.md.

use super::gateway::{Gateway, Outcome, entry, right, system};
use super::making::{
    Authority, Client, HOUR, Key, Odd, RIGHT, Rsa, at, client_with_key, list, of_client, replaced, resigned,
    root, tlv, under,
};
use crate::support::{Suite, TestDb};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose as Eku, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose as Ku, NameConstraints,
    SanType, date_time_ymd,
};
use rustls::version::{TLS12, TLS13};
use schoolgate::directory::SystemEntry;
use std::cell::RefCell;
use std::time::Duration;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both("certificates::each_wrong_certificate_is_refused_under_its_word", refused);
}

/// How many the trial tries.
pub const TRIED: usize = 100;

/// A case: what is wrong, who comes with it, and what is recorded.
type Case = (&'static str, Client, &'static str);

/// The authorities of the cases.
struct World {
    root: Authority,
    /// Under it, with a list of its own.
    middle: Authority,
    /// Under it, without.
    unlisted: Authority,
    /// Trusted by nobody.
    other: Authority,
    /// Of the same name as the root, and trusted by nobody.
    namesake: Authority,
    /// Lists of every authority that has one.
    lists: RefCell<Vec<String>>,
}

impl World {
    fn new() -> Self {
        let root = root("root");
        Self {
            middle: under(&root, "middle", |_| ()),
            unlisted: under(&root, "unlisted", |_| ()),
            other: super::making::root("other"),
            namesake: super::making::root("root"),
            lists: RefCell::default(),
            root,
        }
    }

    /// One under the root with something wrong, and a list of its own: it is not for want of that that it is refused.
    fn listed(&self, change: impl FnOnce(&mut CertificateParams)) -> Authority {
        let name = format!("listed {}", self.lists.borrow().len());
        let authority = under(&self.root, &name, change);
        self.lists.borrow_mut().push(list(&authority, &[], -HOUR, 24 * HOUR));
        authority
    }

    fn good(&self, change: impl FnOnce(&mut CertificateParams)) -> Client {
        Client::of(&self.root, change)
    }
}

fn own(change: impl FnOnce(&mut CertificateParams), self_named: &str) -> Client {
    let mut params = of_client(RIGHT);
    params.distinguished_name.push(DnType::CommonName, self_named);
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Client { chain: vec![certificate.der().to_vec()], key: Key::Own(key.serialize_der()) }
}

fn authorities(world: &World) -> Vec<Case> {
    let World { root, middle, other, namesake, .. } = world;
    let stranger = under(other, "middle", |_| ());
    let forged = under(namesake, "middle", |_| ());
    let leaf_as_issuer = {
        let mut params = of_client("urn:schoolgate:org:council:system:issuer");
        params.distinguished_name.push(DnType::CommonName, "leaf");
        rcgen::CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), root).unwrap()
    };
    vec![
        ("another authority", Client::of(other, |_| ()), "unknown_authority"),
        ("another authority, sent along", Client::of(other, |_| ()).with([other]), "unknown_authority"),
        ("another authority of the same name", Client::of(namesake, |_| ()), "bad_signature"),
        ("of the same name, sent along", Client::of(namesake, |_| ()).with([namesake]), "bad_signature"),
        ("signed by itself", own(|_| (), "cases"), "unknown_authority"),
        ("signed by itself, in the authority's name", own(|_| (), "root"), "bad_signature"),
        ("without the authority between", Client::of(middle, |_| ()), "unknown_authority"),
        (
            "with the wrong one between",
            Client::of(middle, |_| ()).with([&world.unlisted]),
            "unknown_authority",
        ),
        (
            "with a stranger's one between",
            Client::of(&stranger, |_| ()).with([&stranger]),
            "unknown_authority",
        ),
        ("with a forged one between", Client::of(&forged, |_| ()).with([&forged]), "bad_signature"),
        (
            "another client as issuer",
            Client::of(&leaf_as_issuer, |_| ()).with([&leaf_as_issuer]),
            "not_an_authority",
        ),
        (
            "the authority itself",
            Client { chain: vec![root.der().to_vec()], key: Key::MadeUp },
            "authority_as_client",
        ),
        (
            "an authority between itself",
            Client { chain: vec![middle.der().to_vec()], key: Key::MadeUp },
            "authority_as_client",
        ),
    ]
}

fn times(world: &World) -> Vec<Case> {
    let late = under(&world.root, "late", |p| {
        (p.not_before, p.not_after) = (at!(-48 * HOUR), at!(-HOUR));
    });
    let early = under(&world.root, "early", |p| {
        (p.not_before, p.not_after) = (at!(HOUR), at!(48 * HOUR));
    });
    let between =
        |from: i64, until: i64| world.good(|p| (p.not_before, p.not_after) = (at!(from), at!(until)));
    vec![
        ("expired an hour ago", between(-48 * HOUR, -HOUR), "expired"),
        ("expired a second ago", between(-48 * HOUR, -1), "expired"),
        (
            "expired in the last century",
            world.good(|p| {
                (p.not_before, p.not_after) = (date_time_ymd(1990, 1, 1), date_time_ymd(1999, 1, 1));
            }),
            "expired",
        ),
        ("valid in an hour", between(HOUR, 48 * HOUR), "not_valid_yet"),
        (
            "valid after 2050",
            world.good(|p| {
                (p.not_before, p.not_after) = (date_time_ymd(2051, 1, 1), date_time_ymd(2052, 1, 1));
            }),
            "not_valid_yet",
        ),
        ("ends before it begins", between(24 * HOUR, -HOUR), "expired"),
        ("of an authority that has expired", Client::of(&late, |_| ()).with([&late]), "expired"),
        ("of an authority to come", Client::of(&early, |_| ()).with([&early]), "not_valid_yet"),
    ]
}

fn usages(world: &World) -> Vec<Case> {
    let extended = |usages: &[Eku]| world.good(|p| p.extended_key_usages = usages.to_vec());
    let usage = |usages: &[Ku]| world.good(|p| p.key_usages = usages.to_vec());
    let server_only = under(&world.root, "server only", |p| p.extended_key_usages = vec![Eku::ServerAuth]);
    let no_signer = world.listed(|p| p.key_usages = vec![Ku::DigitalSignature, Ku::CrlSign]);
    let empty = CustomExtension::from_oid_content(&[2, 5, 29, 37], tlv(0x30, &[]));
    vec![
        ("for servers only", extended(&[Eku::ServerAuth]), "wrong_usage"),
        ("for no usage", extended(&[]), "wrong_usage"),
        ("for any usage", extended(&[Eku::Any]), "wrong_usage"),
        ("for signing code", extended(&[Eku::CodeSigning]), "wrong_usage"),
        ("for mail and servers", extended(&[Eku::EmailProtection, Eku::ServerAuth]), "wrong_usage"),
        ("for a usage of its own", extended(&[Eku::Other(vec![1, 3, 6, 1, 4, 1, 1])]), "wrong_usage"),
        (
            "with an empty list of usages",
            world.good(|p| {
                p.extended_key_usages.clear();
                p.custom_extensions.push(empty);
            }),
            "wrong_usage",
        ),
        (
            "of an authority for servers only",
            Client::of(&server_only, |_| ()).with([&server_only]),
            "wrong_usage",
        ),
        ("without key usage", usage(&[]), "key_usage"),
        ("for enciphering keys only", usage(&[Ku::KeyEncipherment]), "key_usage"),
        ("for agreeing on keys only", usage(&[Ku::KeyAgreement]), "key_usage"),
        ("that may sign certificates", usage(&[Ku::DigitalSignature, Ku::KeyCertSign]), "key_usage"),
        ("that may sign lists", usage(&[Ku::DigitalSignature, Ku::CrlSign]), "key_usage"),
        ("of an authority that may not sign", Client::of(&no_signer, |_| ()).with([&no_signer]), "key_usage"),
    ]
}

fn chains(world: &World) -> Vec<Case> {
    let root = &world.root;
    let last = under(root, "last", |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let too_far = under(&last, "too far", |_| ());
    let one = under(root, "one", |p| p.is_ca = IsCa::Ca(BasicConstraints::Constrained(1)));
    let (two, three) = {
        let two = under(&one, "two", |_| ());
        let three = under(&two, "three", |_| ());
        (two, three)
    };
    let none = under(root, "none", |p| p.is_ca = IsCa::ExplicitNoCa);
    let silent = under(root, "silent", |p| p.is_ca = IsCa::NoCa);
    let mut deep = vec![under(root, "deep 0", |_| ())];
    for number in 1..9 {
        deep.push(under(deep.last().unwrap(), &format!("deep {number}"), |_| ()));
    }
    let ca = |constraints| world.good(|p| p.is_ca = IsCa::Ca(constraints));
    let deepest = Client::of(deep.last().unwrap(), |_| ()).with(deep.iter().rev());
    vec![
        ("an authority's mark on a client", ca(BasicConstraints::Unconstrained), "authority_as_client"),
        ("the same with a length", ca(BasicConstraints::Constrained(0)), "authority_as_client"),
        ("an issuer marked as none", Client::of(&none, |_| ()).with([&none]), "not_an_authority"),
        ("an issuer without a mark", Client::of(&silent, |_| ()).with([&silent]), "not_an_authority"),
        ("past a length of none", Client::of(&too_far, |_| ()).with([&too_far, &last]), "path_length"),
        ("past a length of one", Client::of(&three, |_| ()).with([&three, &two, &one]), "path_length"),
        ("nine authorities deep", deepest, "chain_too_long"),
    ]
}

fn constrained(world: &World) -> Vec<Case> {
    let within = |permitted: Vec<GeneralSubtree>, excluded: Vec<GeneralSubtree>| {
        world.listed(|p| {
            p.name_constraints =
                Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded });
        })
    };
    let dns = |name: &str| GeneralSubtree::DnsName(name.to_owned());
    let with = |issuer: &Authority, more: Option<SanType>| {
        Client::of(issuer, |p| p.subject_alt_names.extend(more)).with([issuer])
    };
    let host = |name: &str| Some(SanType::DnsName(name.try_into().unwrap()));
    let address = |last| Some(SanType::IpAddress([10, 0, 0, last].into()));
    let mut elsewhere = DistinguishedName::new();
    elsewhere.push(DnType::OrganizationName, "elsewhere");
    let network = GeneralSubtree::IpAddress(rcgen::CidrSubnet::from_v4_prefix([192, 168, 0, 0], 16));
    // [6]: uniformResourceIdentifier, which rcgen does not write.
    let uris = {
        let subtree = |host: &str| tlv(0x30, &tlv(0x86, host.as_bytes()));
        let content = tlv(0x30, &tlv(0xa0, &subtree("elsewhere.example")));
        world.listed(|p| {
            let mut extension = CustomExtension::from_oid_content(&[2, 5, 29, 30], content);
            extension.set_criticality(true);
            p.custom_extensions.push(extension);
        })
    };
    vec![
        (
            "a host that is not permitted",
            with(&within(vec![dns("inside.example")], vec![]), host("a.outside.example")),
            "name_constraint",
        ),
        (
            "a host that is excluded",
            with(&within(vec![], vec![dns("outside.example")]), host("a.outside.example")),
            "name_constraint",
        ),
        (
            "an address that is not permitted",
            with(&within(vec![network.clone()], vec![]), address(1)),
            "name_constraint",
        ),
        (
            "an address that is excluded",
            with(
                &within(
                    vec![],
                    vec![GeneralSubtree::IpAddress(rcgen::CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8))],
                ),
                address(1),
            ),
            "name_constraint",
        ),
        (
            "a subject that is not permitted",
            with(&within(vec![GeneralSubtree::DirectoryName(elsewhere)], vec![]), None),
            "name_constraint",
        ),
        ("a URI that is not permitted", with(&uris, None), "name_constraint"),
    ]
}

/// What a curve's name in DER ends with.
const P256: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P192: &[u8] = &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01];

fn keys(world: &World) -> Vec<Case> {
    const USUAL: &[u8] = &[1, 0, 1];
    let rsa = |bits, exponent| client_with_key(&world.root, &Rsa::of(bits, exponent));
    let curve = world.good(|_| ()).changed(|der| replaced(&der, &world.root, P256, P192));
    let unknown = world.good(|_| ()).changed(|der| {
        // id-ecPublicKey becomes a kind of key that nobody has heard of.
        let (from, to) =
            ([0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x7f]);
        replaced(&der, &world.root, &from, &to)
    });
    vec![
        ("RSA of 512 bits", rsa(512, USUAL), "weak_key"),
        ("RSA of 1024 bits", rsa(1024, USUAL), "weak_key"),
        ("RSA of 2047 bits", rsa(2047, USUAL), "weak_key"),
        ("RSA of 16384 bits", rsa(16_384, USUAL), "weak_key"),
        ("RSA with the exponent 3", rsa(2048, &[3]), "weak_key"),
        ("RSA with the exponent 1", rsa(2048, &[1]), "weak_key"),
        ("a curve of 192 bits", curve, "weak_key"),
        ("a key of an unknown kind", unknown, "weak_key"),
        ("the neutral point of Ed25519", client_with_key(&world.root, &Odd::neutral()), "weak_key"),
    ]
}

/// Authorities between whose keys are too weak; what each has signed holds by the arithmetic of its key.
fn weak_authorities(world: &World) -> Vec<Case> {
    let of = |what: &'static str, key: Odd| {
        let (client, list) = key.client(&world.root, what);
        world.lists.borrow_mut().push(list);
        (what, client, "weak_key")
    };
    let narrow = under(&world.root, "narrow", |_| ());
    let mut by_narrow = Client::of(&narrow, |_| ()).with([&narrow]);
    by_narrow.chain[1] = replaced(&by_narrow.chain[1], &world.root, P256, P192);
    vec![
        of("of an authority with RSA of 1024 bits", Odd::rsa::<64>(65_537)),
        of("of an authority with the exponent 3", Odd::rsa::<128>(3)),
        of("of an authority by whose key anybody signs", Odd::neutral()),
        ("of an authority on a curve of 192 bits", by_narrow, "weak_key"),
    ]
}

/// Object identifiers of signatures: ECDSA with SHA-1, RSA with SHA-1, RSA with MD5.
const SHA1_ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
const SHA1_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05];
const MD5_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x04];

fn signatures(world: &World) -> Vec<Case> {
    let signed_with = |oid: &[u8]| {
        let inner = tlv(0x06, oid);
        let algorithm = tlv(0x30, &inner);
        world
            .good(|_| ())
            .changed(|der| resigned(&der, &world.root, Some(algorithm), |parts| parts[2] = (0x30, inner)))
    };
    let mismatched = world
        .good(|_| ())
        .changed(|der| resigned(&der, &world.root, Some(tlv(0x30, &tlv(0x06, SHA1_ECDSA))), |_| ()));
    let flipped = world.good(|_| ()).changed(|mut der| {
        *der.last_mut().unwrap() ^= 1;
        der
    });
    let renamed = world.good(|_| ()).changed(|der| {
        let at = der.windows(7).position(|bytes| bytes == b"council").unwrap();
        [&der[..at], b"kouncil", &der[at + 7..]].concat()
    });
    let another = Client { key: world.good(|_| ()).key, ..world.good(|_| ()) };
    vec![
        ("ECDSA with SHA-1", signed_with(SHA1_ECDSA), "signature_algorithm"),
        ("RSA with SHA-1", signed_with(SHA1_RSA), "signature_algorithm"),
        ("RSA with MD5", signed_with(MD5_RSA), "signature_algorithm"),
        ("two names of one algorithm", mismatched, "signature_algorithm"),
        ("a signature with one bit changed", flipped, "bad_signature"),
        ("a name changed after signing", renamed, "bad_signature"),
        ("another's key at the handshake", another, "bad_signature"),
    ]
}

fn forms(world: &World) -> Vec<Case> {
    let root = &world.root;
    let extension = |critical: bool| {
        let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999], vec![5, 0]);
        extension.set_criticality(critical);
        extension
    };
    let odd = under(root, "odd", |p| p.custom_extensions.push(extension(true)));
    let doubled = CustomExtension::from_oid_content(&[2, 5, 29, 15], vec![3, 2, 7, 0x80]);
    let part = |change: fn(&mut Vec<(u8, Vec<u8>)>)| {
        world.good(|_| ()).changed(|der| resigned(&der, root, None, change))
    };
    let garbage = |bytes: &[u8]| Client { chain: vec![bytes.to_vec()], key: Key::MadeUp };
    vec![
        (
            "a critical extension nobody knows",
            world.good(|p| p.custom_extensions.push(extension(true))),
            "unknown_extension",
        ),
        ("an authority with one", Client::of(&odd, |_| ()).with([&odd]), "unknown_extension"),
        ("an extension twice", world.good(|p| p.custom_extensions.push(doubled)), "unreadable_certificate"),
        (
            "version 1",
            part(|parts| {
                parts.remove(0);
                parts.truncate(6);
            }),
            "unreadable_certificate",
        ),
        ("version 2", part(|parts| parts[0].1 = vec![2, 1, 1]), "unreadable_certificate"),
        (
            "a time that is none",
            part(|parts| parts[4].1 = [tlv(0x17, b"999999999999Z"), tlv(0x17, b"999999999999Z")].concat()),
            "unreadable_certificate",
        ),
        (
            "a byte too many",
            world.good(|_| ()).changed(|der| [der, vec![0]].concat()),
            "unreadable_certificate",
        ),
        (
            "cut short",
            world.good(|_| ()).changed(|der| der[..der.len() - 40].to_vec()),
            "unreadable_certificate",
        ),
        ("no certificate at all", garbage(b"not a certificate"), "unreadable_certificate"),
        ("an empty sequence", garbage(&[0x30, 0]), "unreadable_certificate"),
    ]
}

/// Names: the handshake is done, since the certificate holds; every answer says that its system is not proved.
fn names() -> Vec<(&'static str, Vec<SanType>)> {
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let other_scheme = RIGHT.replace("schoolgate", "schoolbell");
    vec![
        ("no name", vec![]),
        ("two names", vec![uri(RIGHT), uri("urn:schoolgate:org:council:system:other")]),
        ("its name twice", vec![uri(RIGHT), uri(RIGHT)]),
        ("another organisation's name", vec![uri("urn:schoolgate:org:school:system:cases")]),
        ("another system's name", vec![uri("urn:schoolgate:org:council:system:mis")]),
        ("an address of the web", vec![uri("https://council.example/cases")]),
        ("another name space", vec![uri(&other_scheme)]),
        ("its name in capitals", vec![uri(&RIGHT.to_uppercase())]),
        ("its name and more", vec![uri(&format!("{RIGHT}:x"))]),
        ("its name and a space", vec![uri(&format!("{RIGHT} "))]),
        ("part of its name", vec![uri("urn:schoolgate:org:council")]),
        ("an empty name", vec![uri("")]),
        ("a host only", vec![SanType::DnsName("cases.council.example".try_into().unwrap())]),
        ("its name as a host", vec![SanType::DnsName(RIGHT.replace(':', ".").as_str().try_into().unwrap())]),
        ("its name as a mail address", vec![SanType::Rfc822Name(RIGHT.try_into().unwrap())]),
        ("an address of the network only", vec![SanType::IpAddress([127, 0, 0, 1].into())]),
    ]
}

async fn refused(test: TestDb) {
    let world = World::new();
    let revoked = world.good(|_| ());
    let revoked_middle = under(&world.root, "revoked", |p| {
        p.serial_number = Some(rcgen::SerialNumber::from(4_242));
    });
    let serials = [revoked.serial(), vec![0x10, 0x92]];
    let good = world.good(|_| ());
    let through = Client::of(&world.middle, |_| ()).with([&world.middle]);
    let names: Vec<(&str, Client)> = names()
        .into_iter()
        .map(|(what, names)| (what, world.good(|p| p.subject_alt_names = names)))
        .collect();
    let systems = named_systems(&good, &through, &names);
    let no_list = Client::of(&world.unlisted, |_| ()).with([&world.unlisted]);
    let mut cases: Vec<Case> = vec![
        ("revoked", revoked, "revoked"),
        (
            "of an authority that is revoked",
            Client::of(&revoked_middle, |_| ()).with([&revoked_middle]),
            "revoked",
        ),
        ("of an authority without a list", no_list, "revocation_unknown"),
    ];
    for more in [authorities(&world), times(&world), usages(&world), chains(&world), constrained(&world)] {
        cases.extend(more);
    }
    cases.extend([keys(&world), weak_authorities(&world), signatures(&world), forms(&world)].concat());
    world.lists.borrow_mut().extend([
        list(&world.root, &serials, -HOUR, 24 * HOUR),
        list(&world.middle, &[], -HOUR, 24 * HOUR),
        list(&revoked_middle, &[], -HOUR, 24 * HOUR),
    ]);
    let lists = world.lists.borrow().concat();
    let gate = Gateway::start(&test.url, &world.root.pem(), Some(&lists), |_| ()).await;
    gate.register(systems).await;
    // What is right comes through both ways, or nothing below means anything.
    for (client, network) in [(&good, 1), (&through, 2)] {
        assert_eq!(
            gate.outcome(network, Some(client), &TLS13).await,
            Outcome::Answered(401, "no_token".into())
        );
    }
    let mut networks = 3..=254;
    let mut wrong = Vec::new();
    let mut count = 0;
    let mut look = async |what: &str, client: Option<&Client>, version, expected: Outcome| {
        let met = gate.outcome(networks.next().unwrap(), client, version).await;
        count += 1;
        if met != expected {
            wrong.push(format!("{what}: {met:?}, not {expected:?}"));
        }
    };
    look("no certificate", None, &TLS13, Outcome::Refused("no_certificate".into())).await;
    look("TLS 1.2", Some(&good), &TLS12, Outcome::Refused("protocol_version".into())).await;
    for (what, client, word) in &cases {
        look(what, Some(client), &TLS13, Outcome::Refused((*word).into())).await;
    }
    for (what, client) in &names {
        look(what, Some(client), &TLS13, Outcome::Answered(401, "certificate_name".into())).await;
    }
    let unregistered = world.good(|_| ());
    let unknown = Outcome::Answered(401, "unknown_certificate".into());
    look("in no directory", Some(&unregistered), &TLS13, unknown).await;
    assert_eq!(wrong, Vec::<String>::new());
    assert_eq!(gate.outcome(255, Some(&good), &TLS13).await, Outcome::Answered(401, "no_token".into()));
    assert_eq!(count, TRIED);
    gate.stop().await;
}

/// The right system with its two certificates, and one for each wrong name: its certificate is registered all the same.
fn named_systems(good: &Client, through: &Client, names: &[(&str, Client)]) -> Vec<SystemEntry> {
    let mut cases = right(good);
    cases.certificates.push(entry(through));
    let others = names.iter().enumerate().map(|(number, (_, client))| SystemEntry {
        certificates: vec![entry(client)],
        ..system("council", &format!("named-{number}"), &["social_worker"], &["summaries", "involvements"])
    });
    std::iter::once(cases).chain(others).collect()
}

/// Long enough for a slow machine; what is waited for comes within a second.
pub const SOON: Duration = Duration::from_secs(10);
