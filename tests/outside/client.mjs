// A partner's system, written with a certified OAuth library that knows nothing of this gateway: it reads the metadata,
// asks for tokens in each way that is offered, and calls a summary with each.
import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import fs from 'node:fs';
import * as oauth from 'oauth4webapi';
import { Agent, fetch as undici } from 'undici';

const [, , folder, redirect] = process.argv;
const demo = JSON.parse(fs.readFileSync(`${folder}/demo/demo.json`));
const issuer = new URL(fs.readFileSync(`${folder}/issuer`, 'utf8'));
const of = (path) => fs.readFileSync(`${folder}/demo/${path}`, 'utf8');
const caller = demo.callers.find((one) => one.name === 'social_worker_cp');
const child = caller.children.find((one) => one.standing === 'mine' && one.pupil_id && one.case_reference);

const over = (dispatcher) => ({ [oauth.customFetch]: (url, options) => undici(url, { ...options, dispatcher }) });
const gateway = over(new Agent({ connect: { ca: of(demo.ca), cert: of(caller.certificate), key: of(caller.key) } }));
const outside = new Agent({ connect: { ca: fs.readFileSync(`${folder}/provider-ca.pem`, 'utf8') } });

const api = new URL(demo.api);
const server = await oauth.processDiscoveryResponse(
  api, await oauth.discoveryRequest(api, { algorithm: 'oauth2', ...gateway }));
assert.equal(server.tls_client_certificate_bound_access_tokens, true);
const resource = new URL(`${demo.api}/v1`);
const described = await oauth.processResourceDiscoveryResponse(
  resource, await oauth.resourceDiscoveryRequest(resource, gateway));
assert.deepEqual(described.authorization_servers, [server.issuer]);

const client = { client_id: caller.client_id };
const details = JSON.stringify([{ type: 'schoolgate', role: caller.role, purpose: caller.purpose }]);

async function summary(token, what) {
  const url = new URL(`${demo.api}/v1/pupils/${child.pupil_id}/attendance-summary`);
  const headers = new Headers({ 'case-reference': child.case_reference });
  const answer = await oauth.protectedResourceRequest(token, 'GET', url, headers, null, gateway);
  const body = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(body));
  assert.ok(body.enrolments[0].sections.headline.possible > 0);
  assert.ok(answer.headers.get('audit-receipt'));
  console.log(`a summary by ${what}: ${Object.keys(body.enrolments[0].sections).length} sections`);
}

// The system itself, by its certificate, and with its own signature beside.
const pem = of(caller.key);
const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
const key = await crypto.subtle.importKey('pkcs8', der, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']);
for (const [what, authentication] of [['tls_client_auth', oauth.TlsClientAuth()], ['private_key_jwt', oauth.PrivateKeyJwt(key)]]) {
  const answer = await oauth.clientCredentialsGrantRequest(
    server, client, authentication, new URLSearchParams({ authorization_details: details }), gateway);
  const given = await oauth.processClientCredentialsResponse(server, client, answer);
  assert.equal(given.expires_in, 300);
  await summary(given.access_token, what);
}

// A person signs in at the provider; the client walks the browser's way there and back.
const provider = await oauth.processDiscoveryResponse(
  issuer, await oauth.discoveryRequest(issuer, over(outside)));
const verifier = oauth.generateRandomCodeVerifier();
const challenge = await oauth.calculatePKCECodeChallenge(verifier);
const state = oauth.generateRandomState();
let url = new URL(provider.authorization_endpoint);
url.search = new URLSearchParams({
  client_id: caller.client_id, redirect_uri: redirect, response_type: 'code', scope: 'openid', state,
  code_challenge: challenge, code_challenge_method: 'S256',
});
const cookies = new Map();
for (let steps = 0; !url.href.startsWith(redirect); steps += 1) {
  assert.ok(steps < 10, 'the way to the redirect is short');
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const answer = await undici(url, { dispatcher: outside, redirect: 'manual', headers: { cookie } });
  for (const set of answer.headers.getSetCookie()) {
    const [name, value] = set.split(';')[0].split(/=(.*)/s);
    if (value) cookies.set(name, value); else cookies.delete(name);
  }
  assert.ok([302, 303].includes(answer.status), `${answer.status} ${await answer.text()}`);
  url = new URL(answer.headers.get('location'), url);
}
const parameters = oauth.validateAuthResponse(provider, client, url, state);
const answer = await oauth.authorizationCodeGrantRequest(
  provider, client, oauth.ClientSecretBasic('of-the-trial-only'), parameters, redirect, verifier, over(outside));
const signedIn = await oauth.processAuthorizationCodeResponse(
  provider, { ...client, id_token_signed_response_alg: 'ES256' }, answer, { requireIdToken: true });

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const form = { subject_token: signedIn.id_token, subject_token_type: 'urn:ietf:params:oauth:token-type:id_token', authorization_details: details };
const ask = () => oauth.genericTokenEndpointRequest(server, client, oauth.TlsClientAuth(), exchange, form, gateway);
const given = await oauth.processGenericTokenEndpointResponse(server, client, await ask());
const claims = JSON.parse(Buffer.from(given.access_token.split('.')[1], 'base64url'));
assert.equal(claims.sub, 'outside-worker-1');
assert.deepEqual(claims.act, { sub: caller.client_id });
await summary(given.access_token, "a person's token, exchanged");

// Once is once, and a token that was taken back is over.
await assert.rejects(async () => oauth.processGenericTokenEndpointResponse(server, client, await ask()),
  (error) => error.error === 'invalid_request' && error.status === 400);
await oauth.processRevocationResponse(
  await oauth.revocationRequest(server, client, oauth.TlsClientAuth(), given.access_token, gateway));
await assert.rejects(summary(given.access_token, 'a token that was revoked'),
  (error) => error.status === 401 || /401/.test(error.message));
console.log('a token is exchanged once, and one that is revoked is refused');
