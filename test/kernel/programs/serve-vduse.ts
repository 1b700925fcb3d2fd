/**
 * A vDPA device in user space: `serve-vduse.ts NAME` makes it, says so, and says yes to all that the kernel asks, until it is killed
 * (include/uapi/linux/vduse.h). It is a network device with two queues that moves no packet.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import koffi from 'koffi';

const NAME_BYTES = 256;
const CONFIG_BYTES = 336;
const QUEUE_BYTES = 32;
const MESSAGE_BYTES = 152;
const NETWORK = 1;
/** struct virtio_net_config up to its MTU. */
const NETWORK_CONFIG_BYTES = 12;
const VERSION_1_AND_ACCESS_PLATFORM = 3n << 32n;

const write = (number: number, bytes: number) => (1 << 30) | (bytes << 16) | (0x81 << 8) | number;
const ioctl = koffi.load('libc.so.6').func('int ioctl(int fd, unsigned long request, void *data)');
const ask = (fd: number, request: number, data: Uint8Array) => {
  if (ioctl(fd, request, data) < 0) throw new Error(`vduse request ${request & 0xff}: errno ${koffi.errno()}`);
};

const name = process.argv[2]!;
const control = openSync('/dev/vduse/control', 'r+');
ask(control, write(0x01, 8), Buffer.alloc(8));
const config = Buffer.alloc(CONFIG_BYTES + NETWORK_CONFIG_BYTES);
config.write(name, 'latin1');
config.writeUInt32LE(NETWORK, NAME_BYTES + 4);
config.writeBigUInt64LE(VERSION_1_AND_ACCESS_PLATFORM, NAME_BYTES + 8);
config.writeUInt32LE(2, NAME_BYTES + 16);
config.writeUInt32LE(4096, NAME_BYTES + 20);
config.writeUInt32LE(NETWORK_CONFIG_BYTES, CONFIG_BYTES - 4);
ask(control, write(0x02, CONFIG_BYTES), config);
const device = openSync(`/dev/vduse/${name}`, 'r+');
for (const index of [0, 1]) {
  const queue = Buffer.alloc(QUEUE_BYTES);
  queue.writeUInt32LE(index, 0);
  queue.writeUInt16LE(256, 4);
  ask(device, write(0x14, QUEUE_BYTES), queue);
}
closeSync(control);
process.stdout.write('served\n');
const message = Buffer.alloc(MESSAGE_BYTES);
for (;;) {
  readSync(device, message, 0, MESSAGE_BYTES, null);
  const answer = Buffer.alloc(MESSAGE_BYTES);
  message.copy(answer, 0, 4, 8);
  writeSync(device, answer);
}
