// A real OpenID provider on this machine, as a stand-in for Auth0: npm oidc-provider over TLS, with Auth0's paths.
// node provider.mjs PORT KEY.pem CERT.pem CLIENT_ID CLIENT_SECRET BRAINSCAN_ADDRESS
// Whoever signs in with the name NAME is NAME@hospital.example; names that begin with "new" have an unverified address.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import Provider from "oidc-provider";

const [port, key, cert, clientId, clientSecret, brainscan] = process.argv.slice(2);

const provider = new Provider(`https://localhost:${port}/`, {
  clients: [
    {
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [`${brainscan}/accounts/complete/auth0/`],
      post_logout_redirect_uris: [`${brainscan}/accounts/login/`],
      response_types: ["code"],
      grant_types: ["authorization_code"],
      token_endpoint_auth_method: "client_secret_post",
    },
  ],
  routes: {
    authorization: "/authorize",
    token: "/oauth/token",
    userinfo: "/userinfo",
    jwks: "/.well-known/jwks.json",
    end_session: "/oidc/logout",
  },
  scopes: ["openid", "profile", "email"],
  claims: {
    openid: ["sub"],
    email: ["email", "email_verified"],
    profile: ["nickname", "given_name", "family_name"],
  },
  pkce: { required: () => true },
  cookies: { keys: ["only-for-tests"] },
  features: { devInteractions: { enabled: true }, rpInitiatedLogout: { enabled: true } },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({
      sub: `auth0|${id}`,
      nickname: id,
      given_name: id,
      family_name: "of the provider",
      email: `${id}@hospital.example`,
      email_verified: !id.startsWith("new"),
    }),
  }),
  // The hospital has consented for everybody, as an Auth0 tenant does for its own applications.
  async loadExistingGrant(context) {
    const grant = new context.oidc.provider.Grant({
      clientId: context.oidc.client.clientId,
      accountId: context.oidc.session.accountId,
    });
    grant.addOIDCScope("openid profile email");
    await grant.save();
    return grant;
  },
});

createServer({ key: readFileSync(key), cert: readFileSync(cert) }, provider.callback()).listen(
  Number(port),
  "127.0.0.1",
  () => process.stdout.write("ready\n"),
);
