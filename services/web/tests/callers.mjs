/** Who calls in the tests of the running platform: users by the header backdoor, by a minted token, and other services. */

/** Headers of a user: natively by the backdoor; images do not contain it, so in containers by a token of the local issuer. */
export async function user(name) {
  if (process.env.DEV_PLACEMENT !== "docker" && process.env.APP_ENV === "test")
    return { "x-test-user": name, "x-test-secret": process.env.TEST_AUTH_SECRET };
  return { authorization: `Bearer ${await token(name)}` };
}

/** A token that the local issuer mints for tools. */
export async function token(name) {
  return (await ask("/v1/sessions", { user: name })).token;
}

/** A link that lets the browser that opens it sign in. */
export async function link(back) {
  return (await ask("/v1/links", { redirect_url: back })).url;
}

/** Headers of another service that acts for a user, by the id of its row. */
export const service = (userId) => ({
  "x-service-token": process.env.SERVICE_AUTH_TOKEN,
  ...(userId && { "x-on-behalf-of": userId }),
});

async function ask(path, wish) {
  const headers = { "content-type": "application/json", "x-issuer-secret": process.env.AUTH_ISSUER_SECRET };
  const answer = await fetch(process.env.ISSUER_URL + path, { method: "POST", headers, body: JSON.stringify(wish) });
  if (!answer.ok) throw new Error(`the issuer answers ${answer.status} ${await answer.text()}`);
  return answer.json();
}
