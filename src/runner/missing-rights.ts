/** What the kernel says of an owner whose number the namespace has not, in the words of who asked for it. */
const REFUSED_OWNER =
  /^.*\b(?:chown|chgrp|owner(?:ship)?|changing group|set(?:e|re|res)?[ug]id|setgroups|set groups|(?:user|group) id)\b.*\bInvalid argument\b.*/m

/** And of a device, which only root of the machine can make. */
const REFUSED_DEVICE = /^.*\bmknod\b.*\bOperation not permitted\b.*/m

const MAX_LINE_CHARACTERS = 4096

/**
 * Reads what a script says on standard error, and notices that it has asked for something that no user namespace, or
 * not this one, can give. A script may go on without, and then its layer would be another one than elsewhere.
 */
export class MissingRights {
  #rest = ''
  #reason: string | undefined

  read(text: string): void {
    if (this.#reason !== undefined) return
    const unread = this.#rest + text
    this.#reason = reasonIn(unread)
    this.#rest = unread.slice(unread.lastIndexOf('\n') + 1).slice(-MAX_LINE_CHARACTERS)
  }

  /** What was refused, with the words of the program; undefined if nothing was. */
  get reason(): string | undefined {
    return this.#reason
  }
}

function reasonIn(text: string): string | undefined {
  const [device] = REFUSED_DEVICE.exec(text) ?? []
  if (device !== undefined) return `it makes a device, which a user namespace cannot ("${device.trim()}")`
  const [owner] = REFUSED_OWNER.exec(text) ?? []
  if (owner === undefined) return undefined
  return `it gives a file to an owner that there is no number for ("${owner.trim()}")`
}
