/** The one place that says which Artemis the tests run against. docker-compose.artemis.yml names the same, and a test holds both equal. */
export const artemisVersion = '2.56.0';

export const artemisImage = `apache/artemis:${artemisVersion}`;

export const artemisDistribution = `org.apache.artemis:apache-artemis:${artemisVersion}:tar.gz:bin`;
