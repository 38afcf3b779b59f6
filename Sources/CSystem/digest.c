// SHA-256 by the functions of `openssl/evp.h`.
#include <dlfcn.h>
#include <stdlib.h>

#include "include/CSystem.h"

struct cs_sha256 {
  void *context;
  void (*free)(void *);
  int (*update)(void *, const void *, size_t);
  int (*finish)(void *, uint8_t *, unsigned *);
};

cs_sha256 *cs_sha256_begin(void) {
  void *library = dlopen("libcrypto.so.3", RTLD_NOW);
  if (library == NULL) library = dlopen("libcrypto.so.1.1", RTLD_NOW);
  if (library == NULL) return NULL;
  void *(*new)(void) = (void *(*)(void))dlsym(library, "EVP_MD_CTX_new");
  void *(*sha256)(void) = (void *(*)(void))dlsym(library, "EVP_sha256");
  int (*initialize)(void *, void *, void *) = (int (*)(void *, void *, void *))dlsym(library, "EVP_DigestInit_ex");
  cs_sha256 found = {
    .free = (void (*)(void *))dlsym(library, "EVP_MD_CTX_free"),
    .update = (int (*)(void *, const void *, size_t))dlsym(library, "EVP_DigestUpdate"),
    .finish = (int (*)(void *, uint8_t *, unsigned *))dlsym(library, "EVP_DigestFinal_ex"),
  };
  if (!new || !sha256 || !initialize || !found.free || !found.update || !found.finish) return NULL;
  found.context = new();
  if (found.context == NULL) return NULL;
  cs_sha256 *hash = initialize(found.context, sha256(), NULL) == 1 ? malloc(sizeof *hash) : NULL;
  if (hash == NULL) {
    found.free(found.context);
    return NULL;
  }
  *hash = found;
  return hash;
}

int cs_sha256_add(cs_sha256 *hash, const void *bytes, size_t count) {
  return hash->update(hash->context, bytes, count) == 1 ? 0 : -1;
}

int cs_sha256_end(cs_sha256 *hash, uint8_t digest[32]) {
  return hash->finish(hash->context, digest, NULL) == 1 ? 0 : -1;
}

void cs_sha256_free(cs_sha256 *hash) {
  hash->free(hash->context);
  free(hash);
}
