// What the writing page loads besides app.js.
import "./live-document.js";
