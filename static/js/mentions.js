/** The end of a text in which somebody begins to name a person. */
export const AT = /(?:^|\s)@[\p{L}\p{N}.'-]*$/u;

/** Who may see the post-mortem and has a name that begins like `typed`; null when the server does not say. */
export async function peopleLike(typed, url) {
  const answer = await fetch(`${url}?q=${encodeURIComponent(typed)}`, { headers: { Accept: "application/json" } }).catch(() => null);
  return answer?.ok ? (await answer.json()).people : null;
}
