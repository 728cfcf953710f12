#include "cli/queries.h"

/* clang-format off */
#define BUCKET "id name projectId createdAt updatedAt"
#define BUCKET_CREDENTIALS "accessKeyId secretAccessKey bucketName endpoint region urlStyle createdAt"
const char query_bucket_instances[] =
    "query BucketInstances($environmentId: String!) { bucketInstances(environmentId: $environmentId) { "
    "bucketId name bucketName serviceId createdAt deletedAt destroyedAt } }";
const char query_bucket_details[] =
    "query BucketInstanceDetails($bucketId: String!, $environmentId: String!) { bucketInstanceDetails(bucketId: "
    "$bucketId, environmentId: $environmentId) { objectCount sizeBytes } }";
const char query_bucket_credentials[] =
    "query BucketS3Credentials($bucketId: String!, $environmentId: String!, $projectId: String!) { "
    "bucketS3Credentials(bucketId: $bucketId, environmentId: $environmentId, projectId: $projectId) { " BUCKET_CREDENTIALS
    " } }";
const char mutation_bucket_create[] =
    "mutation BucketCreate($input: BucketCreateInput!) { bucketCreate(input: $input) { " BUCKET " } }";
const char mutation_bucket_update[] =
    "mutation BucketUpdate($id: String!, $input: BucketUpdateInput!) { bucketUpdate(id: $id, input: $input) { " BUCKET
    " } }";
const char mutation_bucket_credentials_reset[] =
    "mutation BucketCredentialsReset($bucketId: String!, $environmentId: String!, $projectId: String!, "
    "$redeployDependents: Boolean) { bucketCredentialsReset(bucketId: $bucketId, environmentId: $environmentId, "
    "projectId: $projectId, redeployDependents: $redeployDependents) { " BUCKET_CREDENTIALS " } }";
const char mutation_bucket_delete[] =
    "mutation BucketDelete($bucketId: String!, $environmentId: String!) { bucketDelete(bucketId: $bucketId, "
    "environmentId: $environmentId) }";
const char mutation_bucket_restore[] =
    "mutation BucketRestore($bucketId: String!, $environmentId: String!) { bucketRestore(bucketId: $bucketId, "
    "environmentId: $environmentId) { " BUCKET " } }";
/* clang-format on */
