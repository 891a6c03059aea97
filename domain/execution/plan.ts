/** Everything that makes the tasks no plan: duplicate names, unknown needs, benches out of range, cycles (with their path). */
export const planFaults = (
  tasks: readonly { name: string; needs: readonly string[]; bench: number }[],
  benchCount: number,
): readonly { path: string; message: string }[] => {
  const indexes = new Map<string, number>()
  const faults = tasks.flatMap(({ name, bench }, index) => {
    const first = indexes.get(name)
    if (first === undefined) indexes.set(name, index)
    return [
      ...(first === undefined
        ? []
        : [{ path: `tasks.${index}.name`, message: `task ${name} is named twice (first as tasks.${first})` }]),
      ...(bench < benchCount
        ? []
        : [{ path: `tasks.${index}.bench`, message: `the reservation has ${benchCount} bench(es), counted from 0` }]),
    ]
  })
  const unknown = tasks.flatMap(({ needs }, index) =>
    needs.flatMap((need, at) =>
      indexes.has(need) ? [] : [{ path: `tasks.${index}.needs.${at}`, message: `there is no task ${need}` }],
    ),
  )
  const cycle = unknown.length > 0 ? undefined : cycleIn(tasks)
  return [
    ...faults,
    ...unknown,
    ...(cycle === undefined ? [] : [{ path: 'tasks', message: `the needs go in a circle: ${cycle.join(' → ')}` }]),
  ]
}

/** Peels off what needs nothing that is left; what can't be peeled holds a circle, which is then walked. */
const cycleIn = (tasks: readonly { name: string; needs: readonly string[] }[]): readonly string[] | undefined => {
  const needsOf = new Map(tasks.map(({ name, needs }) => [name, new Set(needs)]))
  const neededBy = new Map<string, string[]>()
  for (const [name, needs] of needsOf)
    for (const need of needs) neededBy.set(need, [...(neededBy.get(need) ?? []), name])
  const free = [...needsOf].filter(([, needs]) => needs.size === 0).map(([name]) => name)
  for (let name = free.pop(); name !== undefined; name = free.pop()) {
    needsOf.delete(name)
    for (const dependent of neededBy.get(name) ?? []) {
      const needs = needsOf.get(dependent)
      if (needs?.delete(name) === true && needs.size === 0) free.push(dependent)
    }
  }
  const [start] = needsOf.keys()
  if (start === undefined) return undefined
  const path = [start]
  for (;;) {
    const [next] = needsOf.get(path.at(-1) ?? start) ?? []
    if (next === undefined) return undefined
    if (path.includes(next)) return [...path.slice(path.indexOf(next)), next]
    path.push(next)
  }
}
