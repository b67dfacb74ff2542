/** The one of `names` that `wrong` most likely stands for, or undefined if none is near. The first of equals wins. */
export function nearestName(wrong: string, names: Iterable<string>): string | undefined {
  let nearest: string | undefined
  // Further off than this it would be guessing.
  let distance = Math.min(4, Math.floor(wrong.length / 2) + 1)
  for (const name of names) {
    if (Math.abs(name.length - wrong.length) >= distance) continue
    const edits = editDistance(wrong.toLowerCase().replaceAll('-', '_'), name)
    if (edits >= distance) continue
    nearest = name
    distance = edits
  }
  return nearest
}

/** How many characters have to be inserted, deleted or replaced to make `b` of `a`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let line = 1; line <= a.length; line++) {
    const next = [line]
    for (let column = 1; column <= b.length; column++) {
      const replaced = row[column - 1]! + Number(a[line - 1] !== b[column - 1])
      next.push(Math.min(replaced, row[column]! + 1, next[column - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
