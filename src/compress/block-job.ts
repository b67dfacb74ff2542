/** A block of a stream that is compressed in parts. */
export interface BlockJob {
  readonly input: Uint8Array
  /** The bytes before `input`, as many as the codec can refer to. */
  readonly dictionary: Uint8Array
  /** Whether the stream ends here. */
  readonly isLast: boolean
}

/** Compresses one block. Depends on the job alone. */
export type PackBlock = (job: BlockJob) => Uint8Array
