/** A global of browsers that the types of p-queue mention and those of Node lack. */
interface AddEventListenerOptions extends EventListenerOptions {
  readonly once?: boolean;
  readonly passive?: boolean;
  readonly signal?: AbortSignal;
}
