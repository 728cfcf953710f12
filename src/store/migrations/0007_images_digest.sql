-- Images are forgotten by what they are in the store.
CREATE INDEX images_digest ON images(digest);
