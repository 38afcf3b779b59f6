// What takes several calls of libhdf5.
#include <string.h>

#include "include/CHDF5.h"

#define H5 (*chdf5_library())

// Macros of the library's headers.
#define H5P_DEFAULT 0
#define H5E_DEFAULT 0
#define H5F_ACC_TRUNC 2u
#define H5T_VARIABLE SIZE_MAX
#define H5O_INFO_BASIC 1u
#define H5O_INFO_NUM_ATTRS 4u
#define H5LT_FILE_IMAGE_DONT_COPY 2u
#define H5LT_FILE_IMAGE_DONT_RELEASE 4u

hid_t chdf5_float16(void) {
  hid_t type = H5.Tcopy(H5.T_IEEE_F32LE);
  H5.Tset_fields(type, 15, 10, 5, 0, 10);
  H5.Tset_size(type, 2);
  H5.Tset_ebias(type, 15);
  return type;
}

hid_t chdf5_bool(void) {
  signed char no = 0, yes = 1;
  hid_t type = H5.Tenum_create(H5.T_STD_I8LE);
  H5.Tenum_insert(type, "FALSE", &no);
  H5.Tenum_insert(type, "TRUE", &yes);
  return type;
}

hid_t chdf5_opaque(size_t size) {
  hid_t type = H5.Tcreate(H5T_OPAQUE, size);
  H5.Tset_tag(type, "");
  return type;
}

hid_t chdf5_create_file(const char *path) {
  return H5.Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
}

hid_t chdf5_group_properties(void) {
  hid_t properties = H5.Pcreate(H5.P_CLS_GROUP_CREATE_ID);
  H5.Pset_obj_track_times(properties, 0);
  return properties;
}

hid_t chdf5_link_properties(void) {
  hid_t properties = H5.Pcreate(H5.P_CLS_LINK_CREATE_ID);
  H5.Pset_create_intermediate_group(properties, 1);
  return properties;
}

hid_t chdf5_early_properties(void) {
  hid_t properties = H5.Pcreate(H5.P_CLS_DATASET_CREATE_ID);
  H5.Pset_alloc_time(properties, H5D_ALLOC_TIME_EARLY);
  H5.Pset_fill_time(properties, H5D_FILL_TIME_NEVER);
  H5.Pset_obj_track_times(properties, 0);
  return properties;
}

herr_t chdf5_write_string(hid_t object, const char *name, const char *value) {
  hid_t type = H5.Tcopy(H5.T_C_S1);
  H5.Tset_size(type, H5T_VARIABLE);
  H5.Tset_cset(type, H5T_CSET_UTF8);
  hid_t space = H5.Screate(H5S_SCALAR);
  hid_t attribute = H5.Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  herr_t status = attribute < 0 ? -1 : H5.Awrite(attribute, type, &value);
  if (attribute >= 0) H5.Aclose(attribute);
  H5.Sclose(space);
  H5.Tclose(type);
  return status;
}

hid_t chdf5_open_image(const void *bytes, size_t count) {
  return H5.LTopen_file_image((void *)bytes, count, H5LT_FILE_IMAGE_DONT_COPY | H5LT_FILE_IMAGE_DONT_RELEASE);
}

void chdf5_mute(void) { H5.Eset_auto2(H5E_DEFAULT, NULL, NULL); }

int chdf5_object(hid_t object, uint64_t *address, int *kind, uint64_t *attribute_count) {
  H5O_info_t info;
  herr_t status = H5.Oget_info2(object, &info, H5O_INFO_BASIC | H5O_INFO_NUM_ATTRS);
  if (status < 0) return status;
  *address = info.addr;
  *attribute_count = info.num_attrs;
  switch (info.type) {
    case H5O_TYPE_GROUP: *kind = 0; break;
    case H5O_TYPE_DATASET: *kind = 1; break;
    case H5O_TYPE_NAMED_DATATYPE: *kind = 2; break;
    default: *kind = -1;
  }
  return 0;
}

struct chdf5_link_visit {
  chdf5_link_visitor visitor;
  void *context;
};

static int chdf5_link_kind(const H5L_info_t *info) {
  switch (info->type) {
    case H5L_TYPE_HARD: return 0;
    case H5L_TYPE_SOFT: return 1;
    case H5L_TYPE_EXTERNAL: return 2;
    default: return 3;
  }
}

static uint64_t chdf5_link_value(const H5L_info_t *info) {
  return info->type == H5L_TYPE_HARD ? info->value.address : info->value.size;
}

static herr_t chdf5_visit_link(
  hid_t group, const char *name, const H5L_info_t *info, void *data) {
  struct chdf5_link_visit *visit = (struct chdf5_link_visit *)data;
  (void)group;
  return visit->visitor(name, chdf5_link_kind(info), chdf5_link_value(info), visit->context);
}

int chdf5_links(hid_t group, chdf5_link_visitor visitor, void *context) {
  struct chdf5_link_visit visit = {visitor, context};
  return H5.Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, chdf5_visit_link, &visit);
}

int chdf5_link(hid_t group, const char *name, int *kind, uint64_t *value) {
  H5L_info_t info;
  herr_t status = H5.Lget_info(group, name, &info, H5P_DEFAULT);
  if (status < 0) return status;
  *kind = chdf5_link_kind(&info);
  *value = chdf5_link_value(&info);
  return 0;
}

static herr_t chdf5_copy_message(unsigned n, const H5E_error2_t *error, void *data) {
  char *message = (char *)data;
  if (n == 0 && error->desc) {
    strncpy(message, error->desc, 255);
    message[255] = 0;
  }
  return 0;
}

void chdf5_message(char message[256]) {
  message[0] = 0;
  H5.Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, chdf5_copy_message, message);
}
