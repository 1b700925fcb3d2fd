/** Why there is no image, and what to do next. */
export class ImageError extends Error {
  override readonly name = 'ImageError';
  readonly remedy: string;

  constructor(cause: string, remedy: string) {
    super(cause);
    this.remedy = remedy;
  }
}
