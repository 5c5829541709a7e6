"use strict";

// A plugin of the Serverless Framework 3: the SDK in it knows no endpoints but
// Amazon's, and reads neither AWS_ENDPOINT_URL nor the configuration files for one.
// What it makes its clients of begins with the credentials of the provider, so that
// an endpoint beside them is one for all clients.
class Gatehouse {
  constructor(serverless) {
    const endpoint = process.env.AWS_ENDPOINT_URL;
    if (!endpoint) {
      return;
    }
    const aws = serverless.getProvider("aws");
    const settings = aws.getCredentials();
    settings.endpoint = endpoint;
    settings.s3ForcePathStyle = true;

    // "serverless remove" asks for a repository of images, of which there are none.
    const request = aws.request.bind(aws);
    aws.request = async (service, method, ...rest) => {
      if (service === "ECR" && method === "describeRepositories") {
        throw Object.assign(new Error("there are no repositories"), {
          providerError: { code: "RepositoryNotFoundException" },
        });
      }
      return request(service, method, ...rest);
    };
  }
}

module.exports = Gatehouse;
