/** Names of browsers that the types of playwright-core mention and those of Node lack. */
interface Node {}
interface HTMLElement {}
interface SVGElement {}
interface HTMLElementTagNameMap {}
