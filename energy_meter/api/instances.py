# SPDX-License-Identifier: Apache-2.0

"""Controllers of the energy of instances, projects and hosts."""

import functools

import orjson
import pecan
from pecan import routing
import webob
from wsme import exc as wsme_exc

from energy_meter.api import arguments
from energy_meter.api import attributed
from energy_meter.api import attribution_csv
from energy_meter.api import attribution_documents
from energy_meter.api import periods
from energy_meter.api import views
from energy_meter.db import host_days
from energy_meter.db import host_probes
from energy_meter.db import instance_days
from energy_meter.db import instances
from energy_meter.policies import instances as policies
from energy_meter.web import conditional
from energy_meter.web import router

#: Number of instances or projects in one response.
MAX_MEMBERS = 1000

_LIST = views.Rules(policies.LIST, policies.LIST_ALL)
_SHOW = views.Rules(policies.SHOW, policies.LIST_ALL)
_LIST_PROJECTS = views.Rules(
    policies.LIST_PROJECTS, policies.LIST_ALL_PROJECTS
)
_SHOW_PROJECT = views.Rules(policies.SHOW_PROJECT, policies.LIST_ALL_PROJECTS)


class Instances:
    """Controllers of the energy of instances."""

    def __init__(self, settings: attributed.Settings) -> None:
        self._settings = settings

    @arguments.expose()
    def list(self) -> webob.Response:
        """Return the instances of a period."""
        view = self._settings.view(_LIST)
        with attributed.begin(self._settings, view) as reading:
            chosen = _choice(reading.parameters, view)
            return _list(
                reading,
                'instances',
                chosen,
                attribution_documents.instance_list,
                attribution_csv.instance_list,
            )

    @arguments.expose(arguments.ProbeId())
    def show(self, instance: str) -> webob.Response:
        """Return the energy of one instance."""
        view = self._settings.view(_SHOW)
        with attributed.begin(self._settings, view) as reading:
            chosen = instance_days.Filter(instance, view.project)
            period = reading.rows()
            answers, _ = instances.read(
                reading.connection,
                chosen,
                period,
                reading.open_days(chosen),
                1,
            )
            if not answers:
                identity = instance_days.identity(reading.connection, chosen)
                if identity is None:
                    raise wsme_exc.ClientSideError(
                        f'Instance {instance} not found.', 404
                    )
                answers = [instances.nothing(instance, identity, period)]
            return reading.respond_rows(
                ['instances', instance, 'energy'],
                period,
                functools.partial(
                    attribution_documents.instance, answer=answers[0]
                ),
                functools.partial(attribution_csv.instance, answer=answers[0]),
            )


class Projects:
    """Controllers of the energy of projects."""

    def __init__(self, settings: attributed.Settings) -> None:
        self._settings = settings

    @arguments.expose()
    def list(self) -> webob.Response:
        """Return the projects of a period."""
        view = self._settings.view(_LIST_PROJECTS)
        with attributed.begin(self._settings, view) as reading:
            chosen = instance_days.Filter(
                project=view.project,
                after=_argument(reading.parameters, 'marker') or '',
                is_by_project=True,
            )
            return _list(
                reading,
                'projects',
                chosen,
                attribution_documents.project_list,
                attribution_csv.project_list,
            )

    @arguments.expose(arguments.ProbeId())
    def show(self, project: str) -> webob.Response:
        """Return the energy of one project."""
        view = self._settings.view(_SHOW_PROJECT, project)
        with attributed.begin(self._settings, view) as reading:
            chosen = instance_days.Filter(project=project, is_by_project=True)
            period = reading.rows()
            answers, _ = instances.read(
                reading.connection,
                chosen,
                period,
                reading.open_days(chosen),
                1,
            )
            answers = answers or [instances.nothing(project, None, period)]
            return reading.respond_rows(
                ['projects', project, 'energy'],
                period,
                functools.partial(
                    attribution_documents.project, answer=answers[0]
                ),
                functools.partial(attribution_csv.project, answer=answers[0]),
            )


class Hosts:
    """Controllers of what the energy of hosts was used for."""

    def __init__(self, settings: attributed.Settings) -> None:
        self._settings = settings

    @arguments.expose()
    def list(self) -> webob.Response:
        """Return the names of the hosts."""
        self._settings.authorize(pecan.request.environ, policies.SHOW_HOST)
        with self._settings.database.connect() as connection:
            names = [*host_probes.load(connection)]
        return conditional.answer(
            names, 'application/json', lambda: orjson.dumps({'hosts': names})
        )

    @arguments.expose(arguments.ProbeId())
    def show(self, host: str) -> webob.Response:
        """Return the energy of one host."""
        self._settings.authorize(pecan.request.environ, policies.SHOW_HOST)
        with attributed.begin(self._settings, views.SITE) as reading:
            chosen = instance_days.Filter(host=host)
            period = reading.rows()
            answer = host_days.read(
                reading.connection, host, period, reading.open_days(chosen)
            )
            if answer is None:
                raise wsme_exc.ClientSideError(
                    f'Host {host} not found: its instances are not known in '
                    'this period.',
                    404,
                )
            return reading.respond_rows(
                ['hosts', host, 'energy'],
                period,
                functools.partial(attribution_documents.host, answer=answer),
                functools.partial(attribution_csv.host, answer=answer),
            )


class Controllers:
    """Routes of the controllers of attributed energy."""

    def __init__(self, settings: attributed.Settings) -> None:
        self._instances = Instances(settings)
        self._projects = Projects(settings)
        self._hosts = Hosts(settings)

    def route(self, segments: list[str]) -> router.Route:
        """Return the controller of a path, and its arguments.

        :raises pecan.routing.PecanNotFound: if the path has no controller.
        """
        match segments:
            case ['v1', 'instances']:
                return self._instances.list, []
            case ['v1', 'instances', instance, 'energy'] if instance:
                return self._instances.show, [instance]
            case ['v1', 'projects']:
                return self._projects.list, []
            case ['v1', 'projects', project, 'energy'] if project:
                return self._projects.show, [project]
            case ['v1', 'hosts']:
                return self._hosts.list, []
            case ['v1', 'hosts', host, 'energy'] if host:
                return self._hosts.show, [host]
        raise routing.PecanNotFound


def _list(
    reading: attributed.Reading,
    name: str,
    chosen: instance_days.Filter,
    document: attributed.ListDocument,
    csv: attributed.ListCSV,
) -> webob.Response:
    """Return the response with many instances or projects."""
    if 'step' in reading.parameters:
        raise periods.invalid('step', 'lists have one row for each member')
    period = reading.period([reading.request.start, reading.request.end])
    answers, has_more = instances.read(
        reading.connection,
        chosen,
        period,
        reading.open_days(chosen),
        MAX_MEMBERS,
    )
    has_all = not has_more and not chosen.after
    return reading.respond(
        [name],
        answers[-1].id if has_more else None,
        functools.partial(document, answers=answers, has_all=has_all),
        functools.partial(csv, answers=answers),
    )


def _choice(
    parameters: periods.Parameters, view: views.View
) -> instance_days.Filter:
    """Return which instances to list.

    :raises ClientSideError: with code 403 if they are of another project.
    """
    project = _argument(parameters, 'project_id')
    host = _argument(parameters, 'host')
    if not view.is_site and (
        host is not None or project not in (None, view.project)
    ):
        raise wsme_exc.ClientSideError(
            f'Policy does not allow {policies.LIST_ALL} to be performed.', 403
        )
    return instance_days.Filter(
        project=project or view.project,
        host=host,
        after=_argument(parameters, 'marker') or '',
    )


def _argument(parameters: periods.Parameters, name: str) -> str | None:
    """Return a parameter that is an ID; None if it is missing."""
    value = parameters.get(name)
    if value is not None:
        try:
            arguments.ProbeId.validate(value)
        except ValueError as error:
            raise periods.invalid(name, str(error)) from None
    return value
