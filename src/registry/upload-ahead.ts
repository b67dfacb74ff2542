import type { HttpResponse } from '#http'
import { ANY_REFUSAL, type BlobToUpload, expectDigest, pushScopes } from './blob.ts'
import type { RegistryClient } from './registry-client.ts'
import { endOfRange, isKept, withDigest } from './upload-session.ts'

/**
 * An upload of bytes that are only being made: the registry is told their digest when it has them all. It saves the time
 * between the last byte that is made and the last one that is sent, and gives up at the first failure: `uploadBlob` has
 * patience.
 */
export class UploadAhead implements AsyncDisposable {
  readonly #client: RegistryClient
  /** The place of the upload that has all bytes; undefined where it came to nothing. */
  readonly #sent: Promise<{ readonly location: string; readonly bytes: number | undefined } | undefined>
  #begun: string | undefined

  /** @param open The bytes from the start; asked again where the registry wants to be told first who we are. */
  constructor(client: RegistryClient, open: () => AsyncIterable<Uint8Array>) {
    this.#client = client
    this.#sent = unlessRefused(() => this.#send(open))
  }

  /** Waits until nothing will be sent any more; whether everything was. */
  async settled(): Promise<boolean> {
    return (await this.#sent) !== undefined
  }

  /** Waits until everything was sent, and names it; false where the registry does not have the blob then. */
  async finish(blob: Pick<BlobToUpload, 'digest' | 'size'>): Promise<boolean> {
    const sent = await this.#sent
    if (sent === undefined || (sent.bytes ?? blob.size) !== blob.size) return false
    const isDone = await unlessRefused(async () => {
      await using answer = await this.#request('PUT', withDigest(sent.location, blob.digest))
      if (!isKept(answer)) return false
      expectDigest(answer, blob.digest, `blob "${blob.digest}"`, this.#client)
      return true
    })
    if (isDone === true) this.#begun = undefined
    return isDone === true
  }

  /**
   * Waits for the end of the sending, and takes back what was not finished. Where all work was stopped, nothing is sent
   * any more, and the registry removes it in its own time.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    const sent = await this.#sent
    const location = sent?.location ?? this.#begun
    if (this.#begun === undefined || location === undefined) return
    this.#begun = undefined
    // The registry removes what is left in its own time.
    await unlessRefused(async () => {
      await using _ = await this.#request('DELETE', location)
    })
  }

  async #send(open: () => AsyncIterable<Uint8Array>) {
    {
      await using opened = await this.#request('POST', `${this.#client.reference.repository}/blobs/uploads/`)
      if (opened.status !== 202) return undefined
      this.#begun = this.#client.locationOf(opened)
    }
    await using answer = await this.#request('PATCH', this.#begun, open)
    if (answer.status !== 202 && answer.status !== 201 && answer.status !== 204) return undefined
    const location = answer.headers['location'] === undefined ? this.#begun : this.#client.locationOf(answer)
    return { location, bytes: endOfRange(answer) }
  }

  #request(
    method: 'POST' | 'PATCH' | 'PUT' | 'DELETE',
    path: string,
    open?: () => AsyncIterable<Uint8Array>,
  ): Promise<HttpResponse> {
    return this.#client.request({
      method,
      path,
      ...(open === undefined
        ? {}
        : { headers: { 'content-type': 'application/octet-stream' }, body: { size: undefined, open } }),
      scopes: pushScopes(this.#client),
      what: 'upload of a layer',
      // What is refused here is sent again in the usual way, which says what is wrong.
      allowStatus: ANY_REFUSAL,
      patience: { attempts: 1 },
    })
  }
}

async function unlessRefused<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch {
    // Whatever it is, the usual way meets it too, and tells of it.
    return undefined
  }
}
