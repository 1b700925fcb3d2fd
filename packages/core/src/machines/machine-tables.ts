// Written by `npm run generate` from the machines in this folder: change those. How to read it: MachineTable.
import type { MachineTable } from './table.ts';

/** By the id of the machine. */
export const machineTables: Readonly<Record<string, MachineTable>> = {
  node: {
    states: ['starting', 'discovering', 'awaitingState', 'planning', 'drainRequested', 'applying', 'verifying', 'rebooting', 'succeeded', 'idle', 'failed'],
    events: [
      'started', 'discovered', 'discoveryFailed', 'stateSeen', 'hardwareChanged', 'planned', 'stateGone', 'drainChanged', 'specChanged', 'applied', 'applyFailed',
      'rebootUnneeded', 'rebootFailed', 'time', 'drainReleased',
    ],
    start: [0],
    cells: [
      0, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 8, 12, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 23, 23, 23, 27, 31, 31, 31, 31, 31, 31, 31, 31, 31,
      31, 31, 35, 35, 35, 35, 35, 90, 94, 94, 94, 94, 94, 94, 94, 94, 94, 98, 98, 98, 98, 102, 102, 107, 111, 116, 116, 116, 116, 116, 116, 116, 120, 120, 120, 120,
      120, 120, 120, 120, 120, 124, 131, 131, 131, 131, 131, 135, 139, 146, 146, 146, 201, 206, 206, 206, 206, 206, 206, 206, 206, 206, 217, 217, 217, 217, 217, 217,
      217, 217, 217, 217, 217, 222, 230, 238, 238, 242, 242, 242, 242, 246, 246, 246, 250, 254, 254, 254, 254, 254, 254, 257, 261, 261, 261, 261, 265, 265, 269, 269,
      273, 273, 273, 273, 273, 273, 273, 278, 278, 278, 278, 283, 283, 283, 283, 290, 290, 290, 290, 290, 295, 295,
    ],
    ways: [
      0, 2, 1, 0, 0, 2, 1, 0, 0, 4, 1, 1, 0, 11, 4, 2, 3, 4, 5, 0, 2, 1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0, 2, 1, 0, 1, 11, 5, 6, 7, 3, 4, 5, 2, 9, 5, 8, 9, 10, 11, 7, 3,
      11, 5, 12, 7, 3, 4, 5, 4, 8, 5, 13, 14, 15, 16, 17, 5, 5, 2, 18, 19, 6, 5, 2, 20, 19, 7, 11, 4, 21, 3, 4, 5, 0, 6, 3, 22, 23, 24, 0, 3, 1, 8, 0, 2, 1, 0, 0, 2,
      1, 0, 0, 3, 2, 7, 8, 0, 4, 1, 1, 0, 4, 2, 9, 1, 0, 2, 1, 0, 0, 7, 1, 0, 0, 11, 4, 2, 3, 4, 5, 0, 2, 1, 0, 0, 0, 1, 1, 0, 11, 4, 2, 3, 4, 5, 1, 11, 5, 6, 7, 3,
      4, 5, 2, 9, 5, 8, 9, 10, 11, 7, 3, 11, 5, 12, 7, 3, 4, 5, 4, 8, 5, 13, 14, 15, 16, 17, 5, 5, 2, 25, 19, 6, 5, 2, 26, 19, 7, 11, 4, 21, 3, 4, 5, 0, 6, 3, 22, 23,
      24, 0, 3, 2, 7, 8, 8, 2, 3, 27, 8, 0, 0, 0, 2, 28, 29, 0, 2, 2, 27, 0, 0, 11, 5, 27, 2, 3, 4, 5, 9, 11, 5, 27, 30, 3, 4, 5, 0, 2, 1, 0, 0, 2, 1, 0, 0, 0, 1, 7,
      0, 2, 1, 0, 0, 10, 0, 0, 2, 1, 0, 0, 2, 1, 0, 0, 3, 1, 8, 0, 2, 1, 0, 0, 2, 2, 27, 0, 10, 2, 2, 27, 0, 0, 2, 4, 27, 9, 10, 0, 9, 2, 2, 27, 0,
    ],
    guards: ['settledWithProblems', 'settled', 'rebootBudgetSpent', 'mayReboot', 'rebootNeeded', 'drainNeeded', 'endless', 'booted', 'due', 'awaited'],
    actions: [
      'discover', 'plan', 'noteCause', 'countFailure', 'failed.entry.1', 'failed.entry.2', 'noteBlocked', 'releaseDrain', 'rest', 'forgetFailures', 'forgetReboots',
      'succeeded.entry.3', 'noteBudgetSpent', 'countReboot', 'rebooting.entry.0', 'rebooting.entry.1', 'rebooting.entry.2', 'reboot',
      'planning.on.planned.4.actions.0', 'drainRequested.entry.0', 'planning.on.planned.5.actions.0', 'noteEndless', 'applying.entry.0', 'countRound', 'apply',
      'verifying.on.planned.4.actions.0', 'verifying.on.planned.5.actions.0', 'forgetDeadline', 'rebooting.on.started.1.actions.0',
      'rebooting.on.started.1.actions.1', 'noteNoReboot',
    ],
  },
  pf: {
    states: ['unmanaged', 'applying', 'surveying', 'configured', 'failed', 'gone'],
    events: ['planned', 'removed', 'stepsDone', 'stepFailed', 'leftOut', 'surveyFailed'],
    start: [0, 6],
    cells: [0, 20, 24, 24, 24, 24, 24, 24, 28, 32, 37, 37, 37, 58, 62, 62, 62, 66, 71, 92, 96, 96, 96, 100, 100, 120, 124, 124, 124, 128, 128, 149, 149, 149, 149, 153, 153],
    ways: [
      1, 5, 2, 0, 1, 2, 2, 3, 2, 3, 4, 3, 1, 1, 5, 0, 4, 2, 6, 7, 0, 6, 1, 6, 0, 6, 1, 6, 0, 3, 1, 8, 0, 5, 2, 9, 1, 1, 5, 2, 0, 1, 2, 2, 3, 2, 3, 4, 3, 1, 2, 5, 6,
      0, 4, 2, 6, 7, 0, 6, 1, 6, 0, 1, 1, 6, 0, 5, 2, 9, 1, 1, 5, 2, 0, 1, 2, 2, 3, 2, 3, 4, 3, 1, 2, 5, 6, 0, 4, 2, 6, 7, 0, 6, 1, 6, 0, 1, 1, 6, 1, 5, 1, 0, 2, 2,
      3, 2, 3, 4, 3, 1, 2, 5, 6, 0, 4, 2, 6, 7, 0, 6, 1, 6, 0, 1, 1, 6, 1, 5, 2, 0, 1, 2, 2, 3, 2, 3, 4, 3, 1, 2, 5, 6, 0, 4, 2, 6, 7, 0, 1, 1, 6,
    ],
    guards: ['endless', 'toDo', 'doneWithReset'],
    actions: ['noteEndless', 'failed.entry.0', 'countRound', 'checkpoint', 'runSteps', 'forget', 'rest', 'saveApplied', 'survey', 'noteCause'],
  },
  vf: {
    states: ['absent', 'created', 'bound', 'configured', 'advertised', 'allocated', 'attaching', 'attached', 'releasing', 'resetting', 'quarantined'],
    events: [
      'created', 'driverBound', 'removed', 'configured', 'driverUnbound', 'advertised', 'unclaimed', 'allocated', 'attachStarted', 'withdrawn', 'freed', 'time',
      'resumed', 'attached', 'attachFailed', 'detachRequested', 'released', 'failed', 'resetDone', 'repairRequested',
    ],
    start: [0, 6],
    cells: [
      0, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 15, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 19, 23, 27, 34,
      41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 41, 49, 54, 61, 69, 74, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 81, 89, 94, 102,
      110, 110, 117, 123, 130, 136, 136, 136, 136, 136, 136, 136, 136, 136, 136, 136, 136, 141, 147, 151, 157, 157, 161, 161, 168, 172, 202, 207, 212, 212, 212, 212,
      212, 212, 212, 212, 212, 217, 223, 227, 233, 233, 237, 237, 237, 241, 247, 253, 259, 263, 269, 274, 274, 274, 274, 274, 274, 279, 285, 289, 295, 295, 299, 299,
      299, 303, 309, 309, 313, 313, 313, 318, 318, 318, 318, 318, 318, 323, 329, 333, 339, 339, 343, 343, 343, 347, 351, 366, 371, 371, 371, 371, 376, 386, 386, 386,
      386, 391, 397, 401, 407, 407, 411, 411, 411, 415, 419, 434, 439, 439, 439, 439, 439, 449, 490, 490, 490, 495, 501, 505, 511, 511, 515, 515, 515, 519, 523, 528,
      532, 532, 532, 532, 532, 532, 532, 537,
    ],
    ways: [
      0, 2, 5, 0, 1, 2, 3, 4, 0, 3, 4, 5, 2, 3, 4, 0, 1, 1, 6, 1, 0, 1, 5, 0, 1, 1, 6, 0, 4, 4, 7, 3, 4, 8, 0, 2, 4, 1, 2, 3, 4, 1, 3, 5, 9, 5, 2, 3, 4, 0, 1, 2, 9,
      6, 2, 4, 4, 7, 3, 4, 8, 0, 2, 5, 9, 1, 2, 3, 4, 0, 5, 2, 10, 4, 0, 3, 4, 9, 2, 3, 4, 1, 3, 5, 9, 5, 2, 3, 4, 0, 1, 2, 9, 6, 2, 4, 5, 9, 7, 3, 4, 8, 0, 2, 5, 9,
      1, 2, 3, 4, 0, 3, 4, 9, 2, 3, 4, 0, 6, 3, 11, 4, 12, 0, 7, 4, 13, 4, 14, 15, 0, 4, 3, 3, 4, 8, 1, 0, 2, 5, 2, 0, 1, 3, 9, 16, 6, 2, 0, 1, 7, 3, 0, 3, 1, 2, 17,
      4, 0, 1, 2, 0, 7, 4, 13, 4, 14, 15, 0, 0, 1, 3, 5, 2, 6, 18, 9, 1, 2, 3, 4, 6, 5, 2, 18, 4, 4, 4, 5, 18, 9, 3, 4, 8, 0, 3, 5, 18, 9, 2, 3, 4, 7, 0, 2, 19, 20,
      0, 0, 2, 19, 21, 1, 0, 2, 5, 2, 0, 1, 3, 9, 22, 6, 2, 0, 1, 7, 3, 0, 3, 1, 2, 23, 4, 0, 1, 2, 0, 0, 1, 3, 0, 9, 3, 18, 24, 25, 7, 9, 3, 26, 24, 25, 0, 9, 3, 27,
      24, 25, 0, 8, 1, 4, 0, 9, 3, 28, 24, 25, 8, 9, 2, 24, 25, 1, 0, 2, 5, 2, 0, 1, 3, 9, 29, 6, 2, 0, 1, 7, 3, 0, 3, 1, 2, 30, 4, 0, 1, 2, 0, 0, 1, 3, 0, 9, 3, 18,
      24, 25, 0, 0, 1, 19, 8, 9, 2, 24, 25, 1, 0, 2, 5, 2, 0, 1, 3, 9, 31, 6, 2, 0, 1, 7, 3, 0, 3, 1, 2, 32, 4, 0, 1, 2, 0, 0, 1, 3, 9, 0, 1, 18, 10, 0, 2, 24, 33,
      11, 0, 1, 34, 12, 11, 3, 35, 36, 37, 0, 0, 2, 24, 38, 0, 10, 2, 39, 40, 13, 0, 1, 34, 0, 11, 3, 28, 36, 37, 1, 0, 2, 5, 2, 0, 1, 3, 9, 41, 6, 2, 0, 1, 7, 3, 0,
      3, 1, 2, 42, 4, 0, 1, 2, 0, 0, 1, 3, 9, 0, 1, 18, 10, 0, 2, 39, 43, 11, 0, 1, 34, 12, 11, 3, 44, 36, 37, 0, 0, 2, 39, 45, 13, 0, 1, 34, 0, 11, 3, 28, 36, 37, 9,
      6, 4, 46, 47, 4, 12, 5, 2, 7, 46, 47, 9, 1, 2, 3, 4, 6, 5, 3, 46, 47, 4, 4, 4, 6, 46, 47, 9, 3, 4, 8, 0, 3, 6, 46, 47, 9, 2, 3, 4, 1, 0, 2, 5, 2, 0, 1, 3, 9,
      48, 6, 2, 0, 1, 7, 3, 0, 3, 1, 2, 49, 4, 0, 1, 2, 0, 0, 1, 3, 9, 0, 1, 18, 7, 9, 2, 24, 25, 0, 0, 1, 50, 0, 9, 2, 24, 25,
    ],
    guards: [
      'otherDriver', 'otherResource', 'driven', 'claimed', 'driverless', 'listedAsClaimed', 'due', 'byHolder', 'held', 'dueForRetry', 'timedOutOnce', 'timedOut',
      'mayRetry',
    ],
    actions: [
      'absent.on.created.0.actions.0', 'forgetDriver', 'disclaim', 'forgetListed', 'rest', 'noteDriver', 'absent.entry.0', 'claim', 'advertise', 'withdraw',
      'noteListed', 'advertised.on.allocated.0.actions.0', 'allocated.entry.1', 'noteHolder', 'attach', 'attaching.entry.2', 'allocated.on.removed.0.actions.1',
      'allocated.on.driverUnbound.0.actions.2', 'noteFreed', 'checkHolder', 'allocated.on.time.0.actions.1', 'allocated.on.resumed.0.actions.1',
      'attaching.on.removed.0.actions.1', 'attaching.on.driverUnbound.0.actions.2', 'release', 'releasing.entry.1', 'attaching.on.time.0.actions.0',
      'attaching.on.resumed.0.actions.0', 'noteCause', 'attached.on.removed.0.actions.1', 'attached.on.driverUnbound.0.actions.2', 'releasing.on.removed.0.actions.1',
      'releasing.on.driverUnbound.0.actions.2', 'releasing.on.time.0.actions.1', 'pause', 'releasing.on.time.2.actions.0', 'quarantined.entry.0',
      'quarantined.entry.1', 'releasing.on.resumed.0.actions.1', 'reset', 'resetting.entry.1', 'resetting.on.removed.0.actions.1',
      'resetting.on.driverUnbound.0.actions.2', 'resetting.on.time.0.actions.1', 'resetting.on.time.2.actions.0', 'resetting.on.resumed.0.actions.1', 'forgetHolder',
      'markHealthy', 'quarantined.on.removed.0.actions.1', 'quarantined.on.driverUnbound.0.actions.2', 'quarantined.on.resumed.0.actions.0',
    ],
  },
};
