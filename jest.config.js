/** @type {import('jest').Config} */
export default {
  rootDir: 'dist',
  testMatch: ['<rootDir>/test/**/*.test.js'],
  testEnvironment: 'node',
  // What is tested is what ships: the ESM output of tsc, untouched.
  transform: {},
  testTimeout: 30_000,
  // Much of the time is spent waiting for brokers: one more than two cores.
  maxWorkers: 3,
  filter: '<rootDir>/test/setup/select-tests.js',
  globalSetup: '<rootDir>/test/setup/global-setup.js',
  globalTeardown: '<rootDir>/test/setup/global-teardown.js',
  reporters: ['default', '<rootDir>/test/setup/totals-reporter.js'],
};
