/** How a request is made. */
export interface HttpOptions {
  /**
   * Default: `GET`. A request is sent again when something breaks, whatever its method: whoever sends one that
   * must not be repeated asks for `patience: { attempts: 1 }`.
   */
  readonly method?: HttpMethod
  /** What is sent along. Opened anew for each try. */
  readonly body?: RequestBody
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
  /** Who knows what to say to the origin of the URL about who we are. Never asked for other origins. */
  readonly authorizer?: Authorizer
  /** How servers are told from impostors, and we from others. */
  readonly tls?: TlsOptions
  /**
   * What the URL names never changes, and the reader checks it: a body that breaks may be read on from a server
   * that only sends it whole. Default: false.
   */
  readonly isImmutable?: boolean
  /** How patient to be; see `Patience`. */
  readonly patience?: Partial<Patience>
  /** Where `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY` and `SSL_CERT_FILE` come from; this machine is asked without a proxy. Default: `process.env`. */
  readonly env?: Environment
}

export type HttpMethod = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** Bytes to send. */
export interface RequestBody {
  /** Bytes; undefined where they are not known before they are sent (`Transfer-Encoding: chunked`). */
  readonly size: number | undefined
  /** Whether it may not be sent to an origin that a redirect leads to. Default: false. */
  readonly isSecret?: boolean
  /** From the start; asked again for each try. A chunk is the source's again when the next one is asked for. */
  open(): AsyncIterable<Uint8Array>
}

/** Whoever answers challenges (status 401) of one origin. */
export interface Authorizer {
  /** The `Authorization` of the next request, asked before each one; undefined for none. */
  authorization(): Promise<string | undefined>
  /**
   * Told of an answer with status 401 to a request that had `sent` as its `Authorization`.
   *
   * @returns Whether another try is worth it.
   */
  challenged(headers: Readonly<Record<string, string>>, sent: string | undefined): Promise<boolean>
}

/** Keep the object: connections belong to it. */
export interface TlsOptions {
  /** PEM certificates of authorities that are trusted besides the usual ones. */
  readonly authorities?: readonly string[]
  /** False trusts every server. Default: true. */
  readonly isVerified?: boolean
  /** Who we are; shown to one origin only. */
  readonly identity?: {
    readonly origin: string
    /** PEM, in pairs. */
    readonly certificates: readonly string[]
    readonly keys: readonly string[]
  }
}

/** Variables of an environment. */
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
