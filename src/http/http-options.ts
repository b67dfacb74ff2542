/** How a request is made. */
export interface HttpOptions {
  /** `HEAD` has no body. Default: `GET`. Both may be sent again, so they are when something breaks. */
  readonly method?: 'GET' | 'HEAD'
  /**
   * Sent as they are; names in any case. After a redirect to another origin
   * (scheme, host and port) only `Accept` and `User-Agent` are left of them.
   */
  readonly headers?: Readonly<Record<string, string>>
  /** Stops the transfer, waiting and retries included. */
  readonly signal?: AbortSignal | undefined
  /** Bytes that the body may have, from `offset` on. Default: no limit. */
  readonly maxBytes?: number
  /** Bytes to leave out at the start. A server that cannot do that is an error. Default: 0. */
  readonly offset?: number
  /** Statuses that are an answer to the caller, not an error, though they are not 2xx. They are not retried. */
  readonly allowStatus?: readonly number[]
  /** How patient to be; see `Patience`. */
  readonly patience?: Partial<Patience>
  /** Where `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` come from. Default: `process.env`. */
  readonly env?: Environment
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Limits in time. */
export interface Patience {
  /** Tries in a row that may fail. A transfer that gets on counts anew. Default: 5. */
  readonly attempts: number
  /** Time without a single byte after which a connection is given up. Waiting for a slow reader does not count. Default: 60 s. */
  readonly stallMs: number
  /** Waiting time before the second try; doubles with each. Default: 500 ms. */
  readonly firstDelayMs: number
  /** The longest waiting time. A server that asks for more (`Retry-After`) is not tried again. Default: 60 s. */
  readonly maxDelayMs: number
  /** A number from 0 up to 1, so that many clients do not come back at once. */
  readonly random: () => number
}
