CREATE TABLE "User" ("name" TEXT NOT NULL PRIMARY KEY, "password" TEXT NOT NULL);
CREATE TABLE "Policy" ("name" TEXT NOT NULL PRIMARY KEY, "roles" TEXT[]);
CREATE TABLE "Configuration" ("key" TEXT NOT NULL PRIMARY KEY, "value" TEXT NOT NULL);
CREATE TABLE "Result" (
    "station" TEXT NOT NULL,
    "candidate" TEXT NOT NULL,
    "votes" INTEGER NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY ("station", "candidate")
);
