import { accessSync, constants, readFileSync } from 'node:fs'
import type { Accelerator } from './vm-qemu.ts'

/** Set once a guest did not start by it, so that the next one need not try. */
let hasFailed = false

/**
 * What to try in turn. That `/dev/kvm` can be opened does not mean that a guest
 * runs: only starting one tells, so the second is there for when it does not.
 */
export function accelerators(): readonly Accelerator[] {
  return !hasFailed && mayHaveKvm() ? ['kvm', 'tcg'] : ['tcg']
}

export function noteKvmFailure(): void {
  hasFailed = true
}

/** Without the processor's own virtualisation, KVM interprets a guest's instructions, which takes minutes to start one. */
function mayHaveKvm(): boolean {
  try {
    accessSync('/dev/kvm', constants.R_OK + constants.W_OK)
    return /^flags\s*:.*\b(?:vmx|svm)\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'))
  } catch {
    // Not there, or not for this user.
    return false
  }
}
