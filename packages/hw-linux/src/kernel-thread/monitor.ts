import type { Subscription } from '@vfleet/core';

/** What a monitor tells: bytes of a message, that messages were lost, or that there will be no more. */
export type MonitorNews = { readonly kind: 'uevent' | 'link'; readonly bytes: Uint8Array } | { readonly kind: 'overrun' } | { readonly kind: 'failed'; readonly errno: number };

/** What the kernel tells without being asked. */
export interface Monitor {
  listen(listener: (news: MonitorNews) => void): Subscription;
}
