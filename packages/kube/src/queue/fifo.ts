/** First in, first out in constant time. (A Set emptied from its front walks over what it already deleted.) */
export class Fifo<Item> {
  #items: Item[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  /** The oldest item; call it only when there is one. */
  shift(): Item {
    const item = this.#items[this.#head++]!;
    // Taken items are released in bulk, so that each is moved at most once.
    if (this.#head >= 1024 && this.#head * 2 >= this.#items.length) this.#items.splice(0, this.#head);
    else if (this.#head < this.#items.length) return item;
    else this.#items.length = 0;
    this.#head = 0;
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }
}
