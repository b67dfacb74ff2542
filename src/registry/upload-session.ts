import type { TransferError } from '#errors'
import type { HttpResponse, RequestBody } from '#http'
import type { Digest } from '#image'
import { type BlobToUpload, expectDigest, pushScopes } from './blob.ts'
import type { RegistryClient } from './registry-client.ts'

/** Why an upload cannot go on as it was. The next try may do. */
export class UploadBroken extends Error {
  readonly kind: UploadFailure
  /** For whoever has no next try. */
  readonly failure: TransferError
  /** Of the answer. */
  readonly headers: Readonly<Record<string, string>>

  constructor(kind: UploadFailure, failure: TransferError, headers: Readonly<Record<string, string>>) {
    super(kind)
    this.kind = kind
    this.failure = failure
    this.headers = headers
  }
}

/**
 * `lost`: the registry does not know the upload any more, or not in the state that we know.
 * `digest`: it has other bytes than it should. `size`: it does not take so many at once. `later`: it cannot now.
 */
export type UploadFailure = 'lost' | 'digest' | 'size' | 'later'

/** One upload of a registry, from `POST` on. Its address changes with every answer. */
export class UploadSession {
  readonly #client: RegistryClient
  readonly #blob: BlobToUpload
  #location: string
  /** Bytes that the registry says it has. */
  offset = 0

  constructor(client: RegistryClient, blob: BlobToUpload, opened: HttpResponse) {
    this.#client = client
    this.#blob = blob
    this.#location = client.locationOf(opened)
  }

  /** Sends all that is missing, in one request where nothing was sent yet and none is said to be too large. */
  async finish(chunkBytes: number | undefined): Promise<void> {
    if (chunkBytes === undefined && this.offset === 0) {
      await this.#put({ size: this.#blob.size, open: () => this.#blob.open(0) })
      return
    }
    while (this.offset < this.#blob.size) await this.#patch(chunkBytes ?? this.#blob.size)
    await this.#put(undefined)
  }

  /** Asks how far the upload has come; false where the registry cannot say. */
  async resume(): Promise<boolean> {
    await using answer = await this.#send('GET', this.#location, {}, undefined)
    if (answer.status !== 204 && answer.status !== 202) return false
    const end = endOfRange(answer)
    if (end === undefined || end > this.#blob.size) return false
    this.#follow(answer)
    // Nothing at all and one byte are both written "0-0".
    this.offset = end === 1 ? 0 : end
    return true
  }

  async #patch(chunkBytes: number): Promise<void> {
    const { offset } = this
    const size = Math.min(chunkBytes, this.#blob.size - offset)
    const headers = { 'content-range': `${offset}-${offset + size - 1}` }
    const open = (): AsyncIterable<Uint8Array> => firstBytes(this.#blob.open(offset), size)
    await using answer = await this.#send('PATCH', this.#location, headers, { size, open })
    if (answer.status !== 202 && answer.status !== 201 && answer.status !== 204) throw await this.#brokenBy(answer)
    const end = endOfRange(answer) ?? offset + size
    if (end <= offset || end > offset + size) throw await this.#brokenBy(answer, 'lost')
    this.#follow(answer)
    this.offset = end
  }

  async #put(body: RequestBody | undefined): Promise<void> {
    await using answer = await this.#send('PUT', withDigest(this.#location, this.#blob.digest), {}, body)
    if (!isKept(answer)) throw await this.#brokenBy(answer)
    expectDigest(answer, this.#blob.digest, `blob "${this.#blob.digest}"`, this.#client)
  }

  async #brokenBy(answer: HttpResponse, known?: UploadFailure): Promise<UploadBroken> {
    const { status, headers } = answer
    const { error, reasons } = await this.#client.failureOf(answer, uploadOf(this.#blob))
    const has = (code: string): boolean => reasons.some((reason) => reason.code === code)
    const isTooLarge = status === 413 || has('SIZE_INVALID')
    const kind = has('DIGEST_INVALID') ? 'digest' : isTooLarge ? 'size' : isLost(status) ? 'lost' : 'later'
    return new UploadBroken(known ?? kind, error, headers)
  }

  #follow(answer: HttpResponse): void {
    if (answer.headers['location'] !== undefined) this.#location = this.#client.locationOf(answer)
  }

  #send(
    method: 'GET' | 'PATCH' | 'PUT',
    url: string,
    headers: Readonly<Record<string, string>>,
    body: RequestBody | undefined,
  ): Promise<HttpResponse> {
    return this.#client.request({
      method,
      path: url,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/octet-stream' },
      ...(body === undefined ? {} : { body }),
      scopes: pushScopes(this.#client),
      what: uploadOf(this.#blob),
      allowStatus: OUR_STATUSES,
      // What was sent once has moved the upload on: whether the same may be sent again has to be asked first.
      patience: { attempts: 1 },
    })
  }
}

export function uploadOf({ digest }: BlobToUpload): string {
  return `upload of blob "${digest}"`
}

/** Where the last request of an upload goes. By hand: what stands in the query already may not be touched, it may be signed. */
export function withDigest(location: string, digest: Digest): string {
  return `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`
}

/** Whether the registry has the blob now. 202 says that it goes on: whoever answers so has not kept it yet. */
export function isKept({ status }: HttpResponse): boolean {
  return [200, 201, 204].includes(status)
}

/** Answers to uploads that are looked at here. */
const OUR_STATUSES: readonly number[] = [400, 404, 408, 409, 410, 413, 416, 425, 429, 500, 502, 503, 504]

function isLost(status: number): boolean {
  return [400, 404, 409, 410, 416].includes(status)
}

/** Where the registry's part ends, by `Range: 0-41`; undefined where it says nothing that makes sense. */
export function endOfRange({ headers }: HttpResponse): number | undefined {
  const last = /^(?:bytes=)?0-(\d{1,15})$/.exec(headers['range'] ?? '')?.[1]
  return last === undefined ? undefined : Number(last) + 1
}

async function* firstBytes(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let left = size
  for await (const chunk of source) {
    const taken = chunk.subarray(0, left)
    left -= taken.length
    yield taken
    if (left === 0) return
  }
}
