/** How many bytes went over connections, counted in place by whoever is handed one of these. */
export interface Traffic {
  sentBytes: number;
  receivedBytes: number;
}
