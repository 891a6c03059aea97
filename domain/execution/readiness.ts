/**
 * Which tasks may run: each counts its needs that have not ended, so that whatever happens to a task is told only to those
 * that need it. A plan of a thousand tasks costs, event by event, what one of ten does.
 */

/** A task, as far as its readiness goes. */
interface Waiting {
  name: string
  needs: readonly string[]
  runs: 'on-success' | 'always'
  status: string
  /** Of its needs, those that have not ended. */
  openNeedCount: number
}

interface Planned<Task extends Waiting> {
  status: string
  tasks: readonly Task[]
  /** Tasks that have not ended. */
  openTaskCount: number
}

type Tasks<Task extends Waiting> = Pick<Planned<Task>, 'tasks'>

const open: ReadonlySet<string> = new Set(['pending', 'ready', 'running', 'waiting-retry'])

export const isEnded = ({ status }: Pick<Waiting, 'status'>): boolean => !open.has(status)

/** How the tasks hang together: by their places in the plan. */
interface Graph {
  places: ReadonlyMap<string, number>
  dependents: readonly (readonly number[])[]
}

/**
 * Derived once per fold: the needs of the first task are the same object in every state of an execution, and in no other's
 * (`withNeeds` sees to that).
 */
const graphs = new WeakMap<readonly string[], Graph>()

const graphOf = (tasks: readonly Waiting[]): Graph => {
  const key = tasks[0]?.needs ?? []
  const known = graphs.get(key)
  if (known !== undefined) return known
  const places = new Map(tasks.map(({ name }, place) => [name, place]))
  const dependents = tasks.map((): number[] => [])
  for (const [place, { needs }] of tasks.entries())
    for (const need of new Set(needs)) dependents[places.get(need) ?? -1]?.push(place)
  const graph = { places, dependents }
  graphs.set(key, graph)
  return graph
}

/** The task's place in the plan; -1 for none. */
const placeOf = (tasks: readonly Waiting[], taskName: string): number => graphOf(tasks).places.get(taskName) ?? -1

export const taskNamed = <Task extends Waiting>({ tasks }: Tasks<Task>, taskName: string): Task | undefined =>
  tasks[placeOf(tasks, taskName)]

/** The tasks that need it, in the order of the plan. */
export const dependentsOf = <Task extends Waiting>({ tasks }: Tasks<Task>, taskName: string): readonly Task[] =>
  (graphOf(tasks).dependents[placeOf(tasks, taskName)] ?? []).flatMap((place) => tasks[place] ?? [])

const needsOf = <Task extends Waiting>(tasks: readonly Task[], { needs }: Task): readonly Task[] =>
  needs.flatMap((need) => tasks[placeOf(tasks, need)] ?? [])

/** What waits and has no open need is ready; a task that runs on success, if all have passed and nothing is cancelled. */
const readied = <Task extends Waiting>(status: string, tasks: readonly Task[], task: Task): Task => {
  if (task.status !== 'pending' || task.openNeedCount > 0) return task
  if (task.runs === 'always') return { ...task, status: 'ready' }
  const isRunnable = status !== 'cancelling' && needsOf(tasks, task).every((need) => need.status === 'passed')
  return isRunnable ? { ...task, status: 'ready' } : task
}

/** All tasks, counted and readied from their statuses: at the start, and when much changes at once. */
export const withReadiness = <Task extends Waiting>(status: string, given: readonly Task[]) => {
  const counted = given.map((task) => {
    const openNeeds = new Set(needsOf(given, task).filter((need) => !isEnded(need)))
    return { ...task, openNeedCount: openNeeds.size }
  })
  const tasks = counted.map((task) => readied(status, counted, task))
  return { tasks, openTaskCount: tasks.filter((task) => !isEnded(task)).length }
}

/** The plan's tasks before anything has happened; the needs are this execution's own. */
export const withNeeds = <Task extends Pick<Waiting, 'needs'>>(tasks: readonly Task[]): readonly Task[] =>
  tasks.map((task) => ({ ...task, needs: [...task.needs] }))

/** The state with one task changed, and with what that means to those that need it. */
export const changed = <Task extends Waiting, State extends Planned<Task>>(
  state: State & Planned<Task>,
  taskName: string,
  change: (task: Task) => Task,
): State => {
  const place = placeOf(state.tasks, taskName)
  const before = state.tasks[place]
  if (before === undefined) return state
  const after = change(before)
  const tasks: Task[] = state.tasks.with(place, after)
  const opened = Number(isEnded(before)) - Number(isEnded(after))
  if (opened === 0) return { ...state, tasks }
  for (const dependent of graphOf(tasks).dependents[place] ?? []) {
    const task = tasks[dependent]
    if (task !== undefined) tasks[dependent] = retold(state.status, tasks, task, opened)
  }
  return { ...state, tasks, openTaskCount: state.openTaskCount + opened }
}

/** A need has ended (-1), or is tried again after all (1): then what was ready for its end waits again. */
const retold = <Task extends Waiting>(status: string, tasks: readonly Task[], task: Task, opened: number): Task => {
  const told = { ...task, openNeedCount: task.openNeedCount + opened }
  if (opened < 0) return readied(status, tasks, told)
  return told.status === 'ready' ? { ...told, status: 'pending' } : told
}
