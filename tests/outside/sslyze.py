"""Judges what sslyze found: exits with 1 and says what is wrong unless all of it is as docs/security.md promises."""

import json
import sys

STRONG = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}
CURVES = {"X25519", "secp256r1", "secp384r1"}


def server_of(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)["server_scan_results"][0]


def main(without, found_with):
    server = server_of(found_with)
    wrong = []

    def hold(what, holds):
        print(("ok     " if holds else "FAILS  ") + what)
        if not holds:
            wrong.append(what)

    connectivity = server_of(without)["connectivity_result"] or {}
    hold("a client certificate is required", connectivity.get("client_auth_requirement") == "REQUIRED")
    scans = server["scan_result"]

    def found(name):
        scan = scans[name]
        hold(f"{name} was looked at", scan["status"] == "COMPLETED")
        return scan["result"] or {}

    for old in ("ssl_2_0", "ssl_3_0", "tls_1_0", "tls_1_1", "tls_1_2"):
        suites = found(f"{old}_cipher_suites")
        hold(f"{old} is refused", not suites.get("is_tls_version_supported", True) and not suites["accepted_cipher_suites"])
    accepted = {one["cipher_suite"]["name"] for one in found("tls_1_3_cipher_suites").get("accepted_cipher_suites", [])}
    hold(f"TLS 1.3 with strong suites alone: {', '.join(sorted(accepted))}", bool(accepted) and accepted <= STRONG)
    curves = {one["name"] for one in found("elliptic_curves").get("supported_curves") or []}
    hold(f"keys are agreed on over {', '.join(sorted(curves))} alone", bool(curves) and curves <= CURVES)
    hold("no early data", found("tls_1_3_early_data").get("supports_early_data") is False)
    resumed = found("session_resumption")
    hold("no resumption", not resumed.get("session_id_successful_resumptions_count", 1)
         and not resumed.get("tls_ticket_successful_resumptions_count", 1))
    hold("no compression", found("tls_compression").get("supports_compression") is False)
    hold("no Heartbleed", found("heartbleed").get("is_vulnerable_to_heartbleed") is False)
    hold("no CCS injection", found("openssl_ccs_injection").get("is_vulnerable_to_ccs_injection") is False)
    hold("no ROBOT", str(found("robot").get("robot_result", "")).startswith("NOT_VULNERABLE"))
    hold("no renegotiation by clients",
         found("session_renegotiation").get("is_vulnerable_to_client_renegotiation_dos") is False)
    return 1 if wrong else 0


sys.exit(main(sys.argv[1], sys.argv[2]))
