// A certified OpenID provider, for the trial alone: whoever comes is signed in as one social worker, with two factors.
// Listens on a free port of this machine, over TLS, and writes its issuer into the file that it is given.
import fs from 'node:fs';
import https from 'node:https';
import crypto from 'node:crypto';
import Provider from 'oidc-provider';

const [, , folder, clientId, redirect] = process.argv;
const read = (name) => fs.readFileSync(`${folder}/${name}`);
const server = https.createServer({ cert: read('provider.pem'), key: read('provider.key') });
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `https://127.0.0.1:${server.address().port}`;

const { privateKey } = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
const jwk = { ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'outside-1' };
const account = { sub: 'outside-worker-1', name: 'Outside Worker', roles: ['social_worker'], groups: ['child-protection'] };

const provider = new Provider(issuer, {
  jwks: { keys: [jwk] },
  clients: [{
    client_id: clientId,
    client_secret: 'of-the-trial-only',
    redirect_uris: [redirect],
    id_token_signed_response_alg: 'ES256',
    require_auth_time: true,
  }],
  // What the directory maps stands in the ID token itself.
  claims: { acr: null, amr: null, auth_time: null, iss: null, openid: ['sub', 'amr', 'name', 'roles', 'groups'] },
  conformIdTokenClaims: false,
  findAccount: async () => ({ accountId: account.sub, claims: async () => account }),
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/sign-in/${interaction.uid}` },
  cookies: { keys: [crypto.randomBytes(16).toString('hex')] },
});

const handle = provider.callback();
server.on('request', async (request, response) => {
  if (!request.url.startsWith('/sign-in/')) return handle(request, response);
  const { prompt, params, grantId } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: account.sub, amr: ['pwd', 'mfa'] } });
  }
  const grant = (grantId && await provider.Grant.find(grantId))
    || new provider.Grant({ accountId: account.sub, clientId: params.client_id });
  grant.addOIDCScope('openid');
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
});
fs.writeFileSync(`${folder}/issuer.new`, issuer);
fs.renameSync(`${folder}/issuer.new`, `${folder}/issuer`);
