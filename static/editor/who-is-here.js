import { make } from "../js/dom.js";
import { colourOf, initialsOf, othersHere } from "./people.js";

/** The faces of everybody who is here; a click follows one of them. */
export class WhoIsHere {
  constructor(place, awareness, onFollow) {
    Object.assign(this, { place, awareness, onFollow });
    this.following = null;
    this.draw = () => this.redraw();
    awareness.on("change", this.draw);
    this.redraw();
  }

  destroy() {
    this.awareness.off("change", this.draw);
  }

  redraw() {
    const others = othersHere(this.awareness);
    const names = JSON.stringify([others.map(({ user }) => user), this.following]);
    if (names !== this.drawn) {
      this.drawn = names;
      const focused = this.place.contains(document.activeElement) ? document.activeElement.dataset.person : null;
      this.place.replaceChildren(...others.map(({ user }) => this.face(user)));
      if (focused) this.place.querySelector(`[data-person="${CSS.escape(focused)}"]`)?.focus();
    }
    const followed = others.find(({ user }) => user.id === this.following);
    if (followed?.cursor) this.onFollow(followed.cursor);
    else if (this.following && !followed) this.follow(null);
  }

  face(user) {
    const isFollowed = user.id === this.following;
    const label = isFollowed ? `Stop following ${user.name}` : `Follow ${user.name}`;
    const attributes = { type: "button", class: `avatar-initials ${colourOf(user)}`, title: label, "aria-label": label };
    const button = make("button", { ...attributes, "aria-pressed": String(isFollowed), "data-person": String(user.id) }, initialsOf(user.name));
    button.addEventListener("click", () => this.follow(isFollowed ? null : user.id));
    return make("li", {}, button);
  }

  follow(id) {
    if (id === this.following) return;
    this.following = id;
    this.redraw();
  }
}
