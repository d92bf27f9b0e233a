const COLOURS = 10;

/** The class that gives a person their colour: the same on every screen. */
export const colourOf = (user) => `avatar-${Number(user.id) % COLOURS}`;

export const initialsOf = (name) =>
  name
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => [...word][0].toUpperCase())
    .filter((_, at, all) => at === 0 || at === all.length - 1)
    .join("");

/** Everybody who is here, each once, with where they are; the others' clients only. */
export function othersHere(awareness) {
  const people = new Map();
  for (const [client, state] of awareness.getStates()) {
    const { user, cursor } = state ?? {};
    if (client === awareness.clientID || typeof user?.id !== "number" || typeof user.name !== "string") continue;
    if (!people.has(user.id) || cursor) people.set(user.id, { user, client, cursor });
  }
  return [...people.values()].sort((one, two) => one.user.name.localeCompare(two.user.name));
}
