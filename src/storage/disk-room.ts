/** Whether a journal's disk has room for what is still to come; tells when that changes. */
export interface DiskRoomOptions {
  /** With more than this waiting for the disk there is no room, down to half. */
  readonly backlogBytesMax: number;
  onRoom(hasRoom: boolean, lack: "space" | "speed" | null): void;
}

export class DiskRoom {
  readonly #options: DiskRoomOptions;
  #hasSpace = true;
  #isThere = true;

  constructor(options: DiskRoomOptions) {
    this.#options = options;
  }

  /** As it was told last. */
  get isThere(): boolean {
    return this.#isThere;
  }

  /** Why there is none; null while there is. */
  get lack(): "space" | "speed" | null {
    if (this.#isThere) return null;
    return this.#hasSpace ? "speed" : "space";
  }

  /** @param backlogBytes What waits for the disk now. */
  setSpace(hasSpace: boolean, backlogBytes: number): void {
    this.#hasSpace = hasSpace;
    this.look(backlogBytes);
  }

  look(backlogBytes: number): void {
    const { backlogBytesMax } = this.#options;
    const most = this.#isThere ? backlogBytesMax : backlogBytesMax / 2;
    const isThere = this.#hasSpace && backlogBytes <= most;
    if (isThere === this.#isThere) return;
    this.#isThere = isThere;
    this.#options.onRoom(isThere, this.lack);
  }
}
