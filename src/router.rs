//! Every route of every listener on one page, grouped by who calls it.

use crate::app::AppState;
use crate::certificates::{add_certificate, list_certificates, retire_certificate};
use crate::disclosures::{list_audit_entries, list_reads_by_cover, release_system_lane};
use crate::http::{Described, GuardedRouter, audited, request_id};
use crate::intake::{
    Uploads, list_imports, read_import, read_import_errors, read_local_codes, send_attendance, send_calendar,
    send_pupils, send_register, set_local_codes,
};
use crate::involvements::{
    answer_renewal, claim_emergency, confirm_shield, countersign_emergency, decide_claim,
    decide_protecting_item, end_conflict, end_involvement, end_shield, end_withheld_decision,
    list_ambiguous_claims, list_not_told, list_protecting_items, list_resident_concerns,
    list_school_involvements, object_to_involvement, open_involvement, protect_whereabouts,
    read_emergency_claim, record_conflict, release_caseload, release_silence, renew_emergency,
    report_involvements, review_involvements, send_caseload, set_shield, withdraw_family_agreement,
    withhold_child,
};
use crate::notifications::list_notifications;
use crate::summaries::{
    find_pupil, list_changes, read_attendance_summary, read_emergency_summary, read_many_summaries,
    read_school_figures,
};
use crate::tokens;
use axum::Router;
use axum::extract::State;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, get};
use http::{HeaderValue, StatusCode, header};
use std::sync::LazyLock;
use std::time::Duration;
use utoipa::OpenApi;

/// The API listener: systems, over mutual TLS.
pub fn api(state: AppState) -> Router {
    let (body, list, upload) = (state.limits.body_bytes, state.limits.list_bytes, state.limits.upload_bytes);
    let stall = Duration::from_secs(state.limits.body_stall_seconds);
    let about_children = GuardedRouter::stalling_after(stall)
        // Schools send their registers.
        .route(MethodFilter::PUT, "/v1/schools/{urn}/calendar/{year}", upload, send_calendar)
        .route(MethodFilter::POST, "/v1/schools/{urn}/pupils", upload, send_pupils)
        .route(MethodFilter::POST, "/v1/schools/{urn}/attendance", upload, send_attendance)
        .route(MethodFilter::PUT, "/v1/schools/{urn}/registers/{date}/{session}", list, send_register)
        .route(MethodFilter::PUT, "/v1/schools/{urn}/local-codes", body, set_local_codes)
        .route(MethodFilter::GET, "/v1/schools/{urn}/local-codes", body, read_local_codes)
        .route(MethodFilter::GET, "/v1/schools/{urn}/imports", body, list_imports)
        .route(MethodFilter::GET, "/v1/imports/{id}", body, read_import)
        .route(MethodFilter::GET, "/v1/imports/{id}/errors", body, read_import_errors)
        // Agencies open and end their cases.
        .route(MethodFilter::POST, "/v1/involvements", list, send_caseload)
        .route(MethodFilter::GET, "/v1/involvements/report", body, report_involvements)
        .route(MethodFilter::PUT, "/v1/involvements/{id}", body, open_involvement)
        .route(MethodFilter::DELETE, "/v1/involvements/{id}", body, end_involvement)
        .route(
            MethodFilter::DELETE,
            "/v1/involvements/{id}/family-agreement",
            body,
            withdraw_family_agreement,
        )
        .route(MethodFilter::POST, "/v1/involvements/{id}/objection", body, object_to_involvement)
        .route(MethodFilter::GET, "/v1/involvements/ambiguous", body, list_ambiguous_claims)
        .route(MethodFilter::POST, "/v1/involvements/ambiguous/{id}/decision", body, decide_claim)
        .route(MethodFilter::POST, "/v1/involvements/held/{id}/release", body, release_caseload)
        .route(MethodFilter::POST, "/v1/involvements/silence/release", body, release_silence)
        .route(MethodFilter::GET, "/v1/involvements/review", body, review_involvements)
        .route(MethodFilter::PUT, "/v1/conflicts/{id}", body, record_conflict)
        .route(MethodFilter::DELETE, "/v1/conflicts/{id}", body, end_conflict)
        // What schools see of them, and what none is told of.
        .route(MethodFilter::GET, "/v1/schools/{urn}/involvements", body, list_school_involvements)
        .route(MethodFilter::GET, "/v1/involvements/not-told", body, list_not_told)
        .route(MethodFilter::GET, "/v1/involvements/resident-concerns", body, list_resident_concerns)
        // A social worker claims an emergency; a manager of another team countersigns.
        .route(MethodFilter::POST, "/v1/emergencies", body, claim_emergency)
        .route(MethodFilter::GET, "/v1/emergencies/{id}/summary", body, read_emergency_summary)
        .route(MethodFilter::GET, "/v1/emergencies/{id}/countersignature", body, read_emergency_claim)
        .route(MethodFilter::POST, "/v1/emergencies/{id}/countersignature", body, countersign_emergency)
        .route(MethodFilter::POST, "/v1/emergencies/{id}/renewals", body, renew_emergency)
        .route(MethodFilter::POST, "/v1/emergencies/{id}/renewals/{number}/answer", body, answer_renewal)
        // Persons set bars on a child, and those who protect one decide what waits.
        .route(MethodFilter::PUT, "/v1/shields/{id}", body, set_shield)
        .route(MethodFilter::POST, "/v1/shields/{id}/confirmation", body, confirm_shield)
        .route(MethodFilter::POST, "/v1/shields/{id}/end", body, end_shield)
        .route(MethodFilter::PUT, "/v1/withheld-decisions/{id}", body, withhold_child)
        .route(MethodFilter::POST, "/v1/withheld-decisions/{id}/end", body, end_withheld_decision)
        .route(MethodFilter::PUT, "/v1/pupils/{pupil_id}/whereabouts-protection", body, protect_whereabouts)
        .route(MethodFilter::GET, "/v1/protecting-items", body, list_protecting_items)
        .route(MethodFilter::POST, "/v1/protecting-items/{id}/decision", body, decide_protecting_item)
        // Agencies and schools ask.
        .route(MethodFilter::POST, "/v1/pupils/find", body, find_pupil)
        .route(MethodFilter::GET, "/v1/pupils/{pupil_id}/attendance-summary", body, read_attendance_summary)
        .route(MethodFilter::POST, "/v1/attendance-summaries", list, read_many_summaries)
        .route(MethodFilter::GET, "/v1/schools/{urn}/attendance-summary", body, read_school_figures)
        .route(MethodFilter::GET, "/v1/attendance-summaries/changes", body, list_changes)
        // Organisations hear what concerns them.
        .route(MethodFilter::GET, "/v1/notifications", body, list_notifications)
        // Data protection officers look.
        .route(MethodFilter::GET, "/v1/audit/entries", body, list_audit_entries)
        .route(MethodFilter::GET, "/v1/audit/reads-by-cover", body, list_reads_by_cover)
        .route(MethodFilter::POST, "/v1/system-lane/release", body, release_system_lane)
        // A system follows its own certificate with the next one.
        .route(MethodFilter::GET, "/v1/systems/own/certificates", body, list_certificates)
        .route(MethodFilter::POST, "/v1/systems/own/certificates", body, add_certificate)
        .route(MethodFilter::DELETE, "/v1/systems/own/certificates/{thumbprint}", body, retire_certificate)
        .into_router();
    let layer = state.audit.clone();
    about_children
        .merge(tokens::routes().with_state(state.tokens.clone()))
        .route("/openapi.json", get(serve_openapi))
        .layer(from_fn_with_state(layer, audited))
        .layer(from_fn(request_id))
        .with_state(state)
}

/// The admin listener: the operator, on the gateway's own machine. Nothing about a child.
pub fn admin(state: AppState) -> Router {
    Router::new()
        .route("/livez", get(async || StatusCode::OK))
        .route("/readyz", get(tell_readiness))
        .route("/metrics", get(tell_metrics))
        .with_state(state)
}

async fn tell_readiness(State(state): State<AppState>) -> (StatusCode, &'static str) {
    if state.is_ready().await {
        (StatusCode::OK, "ready\n")
    } else if !state.gate.policies_hold() {
        (
            StatusCode::SERVICE_UNAVAILABLE,
            "not ready: the set of policies in force does not hold for this program\n",
        )
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}

async fn tell_metrics(State(state): State<AppState>) -> ([(header::HeaderName, HeaderValue); 1], String) {
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], state.metrics.text())
}

async fn serve_openapi() -> ([(header::HeaderName, HeaderValue); 1], &'static str) {
    static DOCUMENT: LazyLock<String> = LazyLock::new(openapi);
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], &DOCUMENT)
}

/// The API as OpenAPI 3.1, from the code.
#[derive(OpenApi)]
#[openapi(
    info(title = "schoolgate", description = "Secure inter-agency data exchange for English schools. Every request \
        needs a client certificate and an access token bound to it; every answer has an audit entry."),
    paths(
        crate::intake::send_calendar, crate::intake::send_pupils, crate::intake::send_attendance,
        crate::intake::send_register, crate::intake::set_local_codes, crate::intake::read_local_codes,
        crate::intake::list_imports, crate::intake::read_import, crate::intake::read_import_errors,
        crate::involvements::send_caseload, crate::involvements::report_involvements,
        crate::involvements::open_involvement, crate::involvements::end_involvement,
        crate::involvements::object_to_involvement,
        crate::involvements::withdraw_family_agreement, crate::involvements::list_school_involvements,
        crate::involvements::list_resident_concerns,
        crate::involvements::list_not_told, crate::involvements::list_ambiguous_claims,
        crate::involvements::decide_claim, crate::involvements::release_caseload,
        crate::involvements::release_silence, crate::involvements::review_involvements,
        crate::involvements::record_conflict, crate::involvements::end_conflict,
        crate::involvements::claim_emergency, crate::involvements::read_emergency_claim,
        crate::involvements::countersign_emergency, crate::involvements::renew_emergency,
        crate::involvements::answer_renewal, crate::involvements::set_shield, crate::involvements::confirm_shield,
        crate::involvements::end_shield, crate::involvements::withhold_child,
        crate::involvements::end_withheld_decision, crate::involvements::protect_whereabouts,
        crate::involvements::list_protecting_items, crate::involvements::decide_protecting_item,
        crate::summaries::read_emergency_summary, crate::summaries::find_pupil, crate::summaries::read_attendance_summary,
        crate::summaries::read_many_summaries, crate::summaries::read_school_figures, crate::summaries::list_changes,
        crate::notifications::list_notifications,
        crate::disclosures::list_audit_entries, crate::disclosures::list_reads_by_cover,
        crate::disclosures::release_system_lane, crate::tokens::give_token, crate::tokens::revoke_token,
        crate::tokens::describe_authorization_server, crate::tokens::describe_protected_resource,
        crate::tokens::publish_keys,
        crate::certificates::list_certificates, crate::certificates::add_certificate,
        crate::certificates::retire_certificate,
    ),
    components(schemas(crate::http::Problem)),
    modifiers(&Uploads, &Described),
    tags((name = "tokens", description = "A system, or a person through it, is given an access token"),
         (name = "certificates", description = "A system follows its own certificate with the next one"),
         (name = "intake", description = "A school sends its calendar, roll and marks"),
         (name = "involvements", description = "An agency opens, changes and ends its cases"),
         (name = "summaries", description = "Find a child among one's own, ask how it has attended, and hear when that has changed"),
         (name = "notifications", description = "What an organisation is told of changes that affect it"),
         (name = "disclosures", description = "Who saw what, why"))
)]
struct ApiDoc;

/// The document as committed in `docs/openapi.json`.
pub fn openapi() -> String {
    // A document of texts can always be written.
    ApiDoc::openapi().to_pretty_json().unwrap_or_default() + "\n"
}
