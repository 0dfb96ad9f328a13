/** One way to somebody: a command, a webhook, ntfy. */
export interface Channel {
  /** Begins, with what an earlier run could not deliver. */
  start(): void;
  /** @param notice JSON of an event, as `noticeOf` makes it */
  tell(notice: string): void;
  /** Writes again what waits, where its folder was removed or replaced. */
  keepAgain(): void;
  /** Delivers what it can at once, and leaves nothing running. */
  stop(): Promise<void>;
}
