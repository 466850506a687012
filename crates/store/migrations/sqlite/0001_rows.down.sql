DROP TABLE store;
DROP TABLE leases;
DROP TABLE batches;
DROP TABLE claims;
DROP TABLE rows;
